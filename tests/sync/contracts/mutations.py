"""Calls made wrong in one way each, to see that whoever judges them would have noticed.

What the contract does not ask for cannot be left out: an API without a required field has no
mutation that lacks one.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from tests.sync.contracts.catalogue import METHODS, Contract, Operation
from tests.sync.contracts.recorder import Call

KINDS = ("unknown path", "wrong method", "something missing", "wrong type", "no proof of who asks")


def mutations(contract: Contract, operation: Operation, call: Call) -> Iterator[tuple[str, Call]]:
    """Give (kind, call) of each way in which this call can be wrong for its contract."""
    item = contract.document["paths"][operation.path]
    prefix, rest = call.target[: len(contract.prefix)], call.target[len(contract.prefix) :]
    yield KINDS[0], _with(call, target=f"{prefix}/no-such-thing{rest}")
    free = next((method for method in reversed(METHODS) if method not in item), None)
    if free:
        yield KINDS[1], _with(call, method=free.upper())
    parameters = [
        contract.resolve(row)
        for row in [*item.get("parameters", ()), *operation.said.get("parameters", ())]
    ]
    schema = _body_schema(contract, operation, parameters)
    missing = _without_parameter(call, parameters) or _without_field(contract, schema, call)
    if missing:
        yield KINDS[2], missing
    wrong = _wrong_field(contract, schema, call) or _wrong_parameter(call, parameters)
    if wrong:
        yield KINDS[3], wrong
    if _asks_who(contract, operation):
        yield KINDS[4], _unproved(contract, call)


def _asks_who(contract: Contract, operation: Operation) -> bool:
    """Whether a proof is asked for, and the file says what one is: some name a scheme and leave it
    at that, so nobody can judge by it."""
    asked = operation.said.get("security", contract.document.get("security")) or ()
    known = contract.document.get("components", {}).get("securitySchemes") or {}
    known = known | contract.document.get("securityDefinitions", {})
    return any(name in known for row in asked for name in row)


def _with(call: Call, **changed: Any) -> Call:
    return msgspec.structs.replace(call, **changed)


def _body_schema(contract: Contract, operation: Operation, parameters: list[dict]) -> Any:
    """Return the schema of a JSON body: OpenAPI 3 has it apart, Swagger 2 as a parameter."""
    body = contract.resolve(operation.said.get("requestBody", {}))
    for kind, said in body.get("content", {}).items():
        if "json" in kind:
            return said.get("schema")
    return next((row.get("schema") for row in parameters if row.get("in") == "body"), None)


def _without_parameter(call: Call, parameters: list[dict]) -> Call | None:
    path, _, query = call.target.partition("?")
    for row in parameters:
        if row.get("required") and row["in"] == "query":
            left = [pair for pair in parse_qsl(query) if pair[0] != row["name"]]
            return _with(call, target=f"{path}?{urlencode(left)}")
        if row.get("required") and row["in"] == "header" and row["name"].lower() in call.headers:
            name = row["name"].lower()
            return _with(call, headers={n: v for n, v in call.headers.items() if n != name})
    return None


def _wrong_parameter(call: Call, parameters: list[dict]) -> Call | None:
    path, _, query = call.target.partition("?")
    for row in parameters:
        kind = row.get("schema", row).get("type")
        pairs = parse_qsl(query)
        if row["in"] == "query" and kind in ("integer", "number") and row["name"] in dict(pairs):
            changed = [(n, "many" if n == row["name"] else value) for n, value in pairs]
            return _with(call, target=f"{path}?{urlencode(changed)}")
    return None


def _without_field(contract: Contract, schema: Any, call: Call) -> Call | None:
    return _changed(contract, schema, call, required=True)


def _wrong_field(contract: Contract, schema: Any, call: Call) -> Call | None:
    return _changed(contract, schema, call, required=False)


def _changed(contract: Contract, schema: Any, call: Call, *, required: bool) -> Call | None:
    """Return the call with one field of its JSON body gone, or of another type."""
    if schema is None or not call.body:
        return None
    try:
        body = msgspec.json.decode(call.body)
    except msgspec.DecodeError:
        return None
    for holder, name, kind in _fields(contract, schema, body, required):
        if required:
            del holder[name]
        elif kind in ("integer", "number", "boolean", "object", "array"):
            holder[name] = "neither"
        else:
            holder[name] = {"neither": True}
        return _with(call, body=msgspec.json.encode(body))
    return None


def _fields(
    contract: Contract, schema: Any, thing: Any, required: bool
) -> Iterator[tuple[Any, Any, str]]:
    """Give (holder, name, type) of each field of a document that its schema speaks of."""
    schema = contract.resolve(schema)
    parts = [schema, *map(contract.resolve, schema.get("allOf", ()))]
    if isinstance(thing, list):
        for row in thing:
            yield from _fields(contract, schema.get("items", {}), row, required)
        return
    if not isinstance(thing, dict):
        return
    for part in parts:
        for name, said in part.get("properties", {}).items():
            said = contract.resolve(said)
            if name not in thing:
                continue
            if (name in part.get("required", ())) if required else "type" in said:
                yield thing, name, said.get("type", "")
            yield from _fields(contract, said, thing[name], required)


def _unproved(contract: Contract, call: Call) -> Call:
    """Return the call without what says who asks."""
    document = contract.document
    schemes = document.get("components", {}).get("securitySchemes", {})
    schemes = schemes or document.get("securityDefinitions", {})
    names = {"authorization"} | {row["name"].lower() for row in schemes.values() if "name" in row}
    path, _, query = call.target.partition("?")
    left = urlencode([pair for pair in parse_qsl(query) if pair[0].lower() not in names])
    headers = {name: value for name, value in call.headers.items() if name not in names}
    return _with(call, headers=headers, target=f"{path}?{left}" if left else path)
