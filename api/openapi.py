"""The OpenAPI document, made from the table of endpoints and the types themselves."""

import re
from collections import defaultdict
from typing import Any

import msgspec

from api import problems
from api.access import SELF
from api.endpoint import Endpoint
from api.problems import Problem
from api.wire import Param

_REF = "#/components/schemas/{name}"
_ABOUT = """One ledger, one unit, one buyer: what is answered is durable.

- Send `Authorization: Bearer KEY`. Scopes are `read`, `sell`, `stock`, `plan` and `admin` (which
  implies all); each call names the one it needs. People sign in instead (`POST /v1/session`); their
  role is a set of scopes.
- Every call that changes something takes an id of yours, in the body or the path, or an
  `Idempotency-Key` header. Repeating it gives the first answer again, with `"replayed": true`;
  the same id with another body is 409 `idempotency_conflict`. A repeated PUT answers 200.
- Errors are problem documents (RFC 9457) with a stable `code` and, in `errors`, the path of the
  field to blame, like `lines[2].quantity`.
- Ids are opaque: any UTF-8 without control characters, percent-encoded in paths. The last id of a
  path may hold plain slashes, unless it ends in one of the words `/commit`, `/extend`, `/cancel`,
  `/shipments`, `/holds`, `/release`, `/decisions`.
- Quantities are whole units from 1 to 1,000,000,000; money is whole minor units.
- Fields that have their default value are left out of answers."""
_NOUNS = {
    "catalogue": "Locations and SKUs",
    "channels": "What each channel may show",
    "purchase orders": "What is on its way",
    "stock": "What is there, and the papers that move it",
    "reservations": "Stock promised to a checkout for a while",
    "orders": "Stock allocated to orders",
    "routing": "Where orders' units come from, and why",
    "streams": "What changes, as it changes",
    "people": "Users, sessions and API keys",
    "webhooks": "Services that are told what happened, and what became of telling them",
    "system": "The process itself",
}


def document(endpoints: tuple[Endpoint, ...], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these endpoints."""
    types = list(
        {
            id(t): t
            for e in endpoints
            for t in (e.body, e.answer)
            if t is not None and isinstance(t, type) and issubclass(t, msgspec.Struct)
        }.values()
    )
    _, schemas = msgspec.json.schema_components([*types, Problem], ref_template=_REF)
    paths: dict[str, dict] = defaultdict(dict)
    for endpoint in endpoints:
        paths[endpoint.path][endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dibs",
            "version": version,
            "description": f"{_ABOUT}\n{_anywhere()}",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _NOUNS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _plain(schemas),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-dibs",
                    "description": "Somebody signed in; on loopback the name is `dibs-PORT`",
                },
            },
        },
    }


def _anywhere() -> str:
    words = [f"{problems.TABLE[code][0]} `{code}`" for code in problems.ANYWHERE_CODES]
    return f"- Any call may also get {', '.join(words)}."


def _plain(schema: Any) -> Any:
    """Return a schema whose patterns are plain ECMA ones: there, `$` is the very end."""
    if isinstance(schema, dict):
        return {
            key: value.replace("(?!\\n)$", "$") if key == "pattern" else _plain(value)
            for key, value in schema.items()
        }
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.noun],
        "summary": endpoint.summary,
        "parameters": [
            *(_param(p, "path") for p in endpoint.params),
            *(_param(p, "query") for p in endpoint.query),
            *(_param(p, "header") for p in endpoint.headers),
        ],
        "responses": _responses(endpoint),
    }
    notes = [endpoint.note] if endpoint.note else []
    if endpoint.scope:
        operation["security"] = [{"key": []}, {"session": []}]
        notes.append(
            "For everybody who is signed in (`self`), and for keys with the scope `admin`."
            if endpoint.scope == SELF
            else f"Needs the scope `{endpoint.scope}`."
        )
    if notes:
        operation["description"] = "\n\n".join(notes)
    if endpoint.keyed:
        operation["parameters"].append(_IDEMPOTENCY_KEY)
    if endpoint.body is not None:
        media = _media(endpoint.body, endpoint.example)
        if endpoint.lines:
            media["schema"] |= {"description": "of each line"}
        if endpoint.body_also:
            media["schema"] = {"anyOf": [media["schema"], endpoint.body_also]}
        operation["requestBody"] = {
            "required": not endpoint.body_optional,
            "content": {endpoint.media if endpoint.lines else "application/json": media},
        }
    return operation


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 128 visible characters; repeats get the first answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
}


def _param(param: Param, place: str) -> dict[str, Any]:
    schema = _plain(msgspec.json.schema(param.type))
    found: dict[str, Any] = {"name": param.name, "in": place, "description": param.note}
    found["required"] = param.default is msgspec.NODEFAULT
    if param.separated:
        schema = {"type": "array", "items": schema}
        found |= {"style": "form", "explode": False}
    elif param.default not in (msgspec.NODEFAULT, "", None):
        schema["default"] = param.default
    if param.example is not None:
        found["example"] = [param.example] if param.separated else param.example
    return found | {"schema": schema}


def _media(kind: Any, example: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        schema: dict[str, Any] = {"$ref": _REF.format(name=kind.__name__)}
    else:
        schema = {"type": "string"} if kind is str else {"type": "object"}
    return {"schema": schema} | ({"example": example} if example is not None else {})


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    success = _media(endpoint.answer, endpoint.answer_example)
    if endpoint.media == "text/event-stream":
        success = {"schema": {"type": "string"}}
    elif endpoint.lines:
        problem = {"$ref": _REF.format(name="Problem")}
        success["schema"] = {"anyOf": [success["schema"], problem]}
    responses = {}
    for status in filter(None, (endpoint.status, endpoint.also)):
        words = {200: "Done", 201: "Created", 503: "Not ready"}[status]
        responses[str(status)] = {"description": words, "content": {endpoint.media: success}}
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in endpoint.problem_codes:
        by_status[_status(code, endpoint)].append(code)
    for status, codes in sorted(by_status.items()):
        if str(status) not in responses:
            responses[str(status)] = _problem_response(codes, status)
    return responses


def _status(code: str, endpoint: Endpoint) -> int:
    if endpoint.method == "GET" and code in problems.NOT_FOUND_IN_PATH:
        return 404
    return problems.TABLE[code][0]


def _problem_response(codes: list[str], status: int) -> dict[str, Any]:
    lines = [f"- `{code}`: {problems.TABLE[code][1]}" for code in codes]
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "seconds"}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    schema = {
        "allOf": [{"$ref": _REF.format(name="Problem")}, {"properties": {"code": {"enum": codes}}}]
    }
    examples = {code: {"value": _example(code, status)} for code in codes}
    found = {
        "description": "\n".join(lines),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }
    return found | ({"headers": headers} if headers else {})


def _example(code: str, status: int) -> dict[str, Any]:
    title = problems.TABLE[code][1]
    sentence = re.sub(r"^.", lambda m: m.group().lower(), title)
    built = problems.problem(code, sentence, status=status)
    return msgspec.to_builtins(built)
