"""GraphQL, judged by graphql-core: each document against the schema, and each call's variables."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_variable_values,
    parse,
    validate,
)
from graphql.error import GraphQLError

from tests.sync.contracts.catalogue import ROOT, SOURCES, outside
from tests.sync.contracts.recorder import Call

if TYPE_CHECKING:
    from tests.sync.contracts.judge import Judgement


class Asked(msgspec.Struct, frozen=True):
    """The body of a call."""

    query: str
    variables: dict[str, Any] = {}


@cache
def schema(name: str) -> GraphQLSchema:
    """Read a schema, once: seconds for a large one."""
    return build_schema((ROOT / name).read_text(), assume_valid=True)


def problems(known: GraphQLSchema, asked: Asked) -> list[str]:
    """Return what the schema has against a document and its variables."""
    try:
        document = parse(asked.query)
    except GraphQLError as error:
        return [error.message]
    if found := validate(known, document):
        return [error.message for error in found]
    wanted = _operation(document).variable_definitions or ()
    coerced = get_variable_values(known, wanted, asked.variables)
    return [error.message for error in coerced] if isinstance(coerced, list) else []


def judge(found: "Judgement", calls: Iterable[Call], each: int) -> None:
    """Judge at most `each` calls of every document, and mutations of the first of each."""
    ((file, path),) = SOURCES[found.connector].files.items()
    known = schema(file)
    rows: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.path == path and call.method == "POST":
            rows[msgspec.json.decode(call.body, type=Asked).query].append(call)
        else:
            place = found.apart if outside(found.connector, call.path) else found.strangers
            place[f"{call.method} {call.path}"] += 1
    for query, same in rows.items():
        name = _name(query)
        found.calls[name] += len(same)
        for call in same[:: -(-len(same) // each)]:
            asked = msgspec.json.decode(call.body, type=Asked)
            found.note(name, call, problems(known, asked), None)
        for kind, asked in mutations(msgspec.json.decode(same[0].body, type=Asked)):
            found.note_mutation(kind, name, bool(problems(known, asked)))


def _operation(document: DocumentNode) -> OperationDefinitionNode:
    return next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))


def _name(query: str) -> str:
    """Return what a table calls a document: its kind and first field."""
    operation = _operation(parse(query))
    return f"{operation.operation.value} {operation.selection_set.selections[0].name.value}"


def mutations(asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Give (kind, call) of ways in which a call can be wrong. There is one path and one method,
    which `judge` looks at itself."""
    operation = _operation(parse(asked.query))
    for row in operation.variable_definitions or ():
        name = row.variable.name.value
        if row.type.kind == "non_null_type" and name in asked.variables:
            left = {n: value for n, value in asked.variables.items() if n != name}
            yield "something missing", Asked(asked.query, left)
            yield "wrong type", Asked(asked.query, asked.variables | {name: [{"neither": True}]})
            break
    place = operation.selection_set.selections[0].name.loc
    query = f"{asked.query[: place.start]}noSuchField{asked.query[place.end :]}"
    yield "unknown path", Asked(query, asked.variables)
