"""The queue that notifications come to: SQS, its JSON protocol, each call signed (SigV4).

Whoever may write to the queue is whom its owner allowed, which is Amazon's notifications and
nobody else: messages are not signed.
"""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec

from engine.connectors.amazon import wire
from engine.connectors.base import Account, Delivery
from engine.connectors.calls import Calls, document
from engine.core.errors import ConfigError

TOPIC = "ORDER_CHANGE"
_WAIT_S = 20  # the longest that SQS lets a call wait
_MESSAGES = 10  # the most that it gives at once
_REGION = re.compile(r"^sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$")
_notification = msgspec.json.Decoder(wire.Notification).decode


class _Message(msgspec.Struct, frozen=True, rename="pascal"):
    message_id: str
    receipt_handle: str
    body: str


class _Received(msgspec.Struct, frozen=True, rename="pascal"):
    messages: list[_Message] = []


class Queue:
    """One queue. Raises `ConfigError` where it cannot be used as it is configured."""

    def __init__(self, account: Account, calls: Calls) -> None:
        self._calls, self.url = calls, account.options["queue"]
        host = urlsplit(self.url).hostname or ""
        known = _REGION.match(host)
        region = account.options.get("queue_region") or (known[1] if known else "")
        if not region:
            raise ConfigError(f"account {account.name}: --option queue_region=… is missing")
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.credentials import Credentials
        except ImportError as error:
            problem = f"account {account.name} has a queue: pip install 'dibs[amazon]'"
            raise ConfigError(problem) from error
        missing = {"aws_key", "aws_secret"} - set(account.secrets)
        if missing:
            raise ConfigError(
                f"account {account.name} has a queue: --secret {'=…, --secret '.join(missing)}=…"
            )
        keys = Credentials(account.secrets["aws_key"], account.secrets["aws_secret"])
        self._auth, self._request = SigV4Auth(keys, "sqs", region), AWSRequest

    async def _ask(self, action: str, body: dict):
        parts = urlsplit(self.url)
        url, content = f"{parts.scheme}://{parts.netloc}/", msgspec.json.encode(body)
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{action}",
        }
        request = self._request(method="POST", url=url, data=content, headers=headers)
        self._auth.add_auth(request)
        signed = dict(request.headers.items())
        return await self._calls.ask("queue", "POST", url, content=content, headers=signed)

    async def listen(self, keep: Callable[[Delivery], Awaitable[None]]) -> int:
        """Wait for messages, keep each, and only then have the queue forget them."""
        asked = {
            "QueueUrl": self.url,
            "MaxNumberOfMessages": _MESSAGES,
            "WaitTimeSeconds": _WAIT_S,
        }
        found = document(await self._ask("ReceiveMessage", asked), _Received).messages
        for message in found:
            if delivery := _delivery(message):
                await keep(delivery)
        if found:
            entries = [
                {"Id": str(n), "ReceiptHandle": message.receipt_handle}
                for n, message in enumerate(found)
            ]
            await self._ask("DeleteMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        return len(found)


def _delivery(message: _Message) -> Delivery | None:
    """Return a message as a delivery; one that nobody can read becomes a dead letter later. Other
    types of notification need no work."""
    body = message.body.encode()
    try:
        told = _notification(body)
    except msgspec.MsgspecError:
        return Delivery(f"sqs-{message.message_id}", TOPIC, body)
    if told.notification_type != TOPIC:
        return None
    return Delivery(f"told-{told.notification_metadata.notification_id}", TOPIC, body)
