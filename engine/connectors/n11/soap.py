"""n11's older service for orders, in SOAP: telling of a parcel, refusing an order.

A refusal comes as HTTP 200 with `failure` in it.
"""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as Xml

import httpx

from engine.connectors.base import Account
from engine.connectors.calls import CallError

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_N11 = "http://www.n11.com/ws/schemas"
HEADERS = {"content-type": "text/xml; charset=utf-8"}


def request(
    account: Account, name: str, fields: Mapping[str, str], items: Iterable[Mapping]
) -> bytes:
    """Return a call as XML: its `fields`, and an `orderItem` for each of `items`, which may be
    nested."""
    envelope = Xml.Element(f"{{{_SOAP}}}Envelope")
    call = Xml.SubElement(Xml.SubElement(envelope, f"{{{_SOAP}}}Body"), f"{{{_N11}}}{name}")
    secrets = account.secrets
    _put(call, {"auth": {"appKey": secrets["app_key"], "appSecret": secrets["app_secret"]}})
    rows = Xml.SubElement(call, "orderItemList")
    for item in items:
        _put(rows, {"orderItem": item})
    _put(call, fields)
    return Xml.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _put(parent: Xml.Element, fields: Mapping) -> None:
    for name, value in fields.items():
        element = Xml.SubElement(parent, name)
        if isinstance(value, Mapping):
            _put(element, value)
        else:
            element.text = str(value)


def check(operation: str, answer: httpx.Response) -> None:
    """Raise `CallError` unless the answer says success."""
    try:
        said = Xml.fromstring(answer.content)
    except Xml.ParseError as error:
        raise CallError(f"{operation}: answer not understood: {error}", 422) from error
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in said.iter()}
    if found.get("status", "").strip().lower() != "success":
        text = found.get("errorMessage") or found.get("faultstring") or "refused"
        raise CallError(f"{operation}: {found.get('errorCode', '')} {text}".strip(), 422)
