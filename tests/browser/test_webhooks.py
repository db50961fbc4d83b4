"""Webhooks in the console: one is added, tested, told of an order by a real sender, refused by its
service, sent again, given another secret, paused and removed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from tests.browser.site import Site, becomes
from tests.browser.test_access import AXE, findings
from tests.processes import Dibs

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
SENT_MS = 20_000  # processes begin, views follow the log


class Service(ThreadingHTTPServer):
    """Somebody's service: answers `status`, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.status = 204
        self.took: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it takes messages."""
        return f"http://127.0.0.1:{self.server_port}/dibs"


class Taker(BaseHTTPRequestHandler):
    """Takes one message."""

    def do_POST(self) -> None:
        """Keep it; answer as the service does now."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.took.append((headers, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as found:
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """A site whose webhooks may call this machine, and who sends them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIBS_WEBHOOK_LOOPBACK", "1")
        with Dibs(tmp_path_factory.mktemp("webhooks"), views=True, channels=True) as dibs:
            found = Site(dibs)
            found.furnish()
            yield found


def tries(page, kind: str):
    """The rows of the log about messages of a type."""
    log = page.get_by_role("region", name="Deliveries to crm")
    return log.locator("tbody tr").filter(has_text=kind)


def clean(page) -> None:
    """No serious finding of axe on what is shown."""
    page.evaluate(AXE)
    assert not findings(page), findings(page)


def press(page, label: str) -> None:
    """Press the button of the only webhook."""
    page.get_by_role("button", name=f"{label}: crm", exact=True).click()


def test_a_service_is_told_and_what_it_refused_is_sent_again(page, site: Site, service) -> None:
    page.goto(f"{site.url}/#/settings?tab=webhooks")
    page.get_by_role("button", name="New webhook").click()
    clean(page)
    page.get_by_label("Name").fill("crm")
    page.get_by_label("Address").fill("http://10.0.0.1/")
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.locator(".doing [role=alert]")).to_contain_text("public internet")
    page.get_by_label("Address").fill(service.url)
    page.get_by_label("order.changed").uncheck()
    page.get_by_role("button", name="Add the webhook").click()
    secret = page.locator(".once code").inner_text()
    assert secret not in page.url
    page.get_by_role("button", name="I have it").click()
    expect(page.locator(".once")).to_have_count(0)

    press(page, "Send a test")
    expect(tries(page, "webhook.test")).to_contain_text("answered 204", timeout=SENT_MS)
    headers, body = service.took[0]
    assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"

    service.status = 500
    site.order("hook-1", ("SKU-01", 1))
    row = tries(page, "order.placed").first
    expect(row).to_contain_text("answered 500", timeout=SENT_MS)
    expect(row.locator("td").nth(4)).to_contain_text("in ")  # the next try, by itself
    expect(page.get_by_role("cell", name="1", exact=True).first).to_be_visible()  # one waits
    clean(page)
    service.status = 204
    row.get_by_role("button", name="Send now").click()
    expect(row).to_contain_text("answered 204")
    expect(row.get_by_role("button")).to_have_count(0)

    press(page, "Change secret")
    page.get_by_role("button", name="Give crm a new secret").click()
    assert page.locator(".once code").inner_text() != secret
    expect(page.get_by_text("the old secret also signs")).to_be_visible()
    press(page, "Pause")
    expect(page.get_by_role("button", name="Send a test: crm")).to_have_count(0)
    assert becomes(lambda: site.api("GET", "webhooks/crm")["active"], False)
    page.get_by_role("button", name="Undo").click()
    assert becomes(lambda: site.api("GET", "webhooks/crm")["active"], True)
    press(page, "Remove")
    page.get_by_role("button", name="Remove crm", exact=True).click()
    expect(page.get_by_text("No service is told anything yet")).to_be_visible()
    assert site.api("GET", "webhooks")["webhooks"] == []
