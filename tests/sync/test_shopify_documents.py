"""Shopify's documents against Shopify's own schema, and the twin's part of it against the whole."""

import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    build_schema,
    parse,
    validate,
)

from engine.connectors.shopify import documents, twin_schema

CONTRACTS = Path(
    os.environ.get("DIBS_SHARED_CONTRACTS") or Path(__file__).parents[3] / "shared" / "contracts"
)
MOST = {
    "first": documents.HEADS,
    "lines": documents.LINES,
    "ids": ["gid://shopify/ProductVariant/1"] * 3,
}
MORE = {
    "SCAN": {"first": documents.SIGNS},
    "ONE_LARGE": {"lines": documents.MORE_LINES},
    "TO_FULFILL": {"first": documents.PARTS},
    "FULFILLED": {"first": documents.PARTS},
    "SUBSCRIPTIONS": {"first": documents.HOOKS},
}
each_document = pytest.mark.parametrize("name", documents.ALL)


@pytest.fixture(scope="module")
def whole() -> GraphQLSchema:
    place = CONTRACTS / "shopify" / "admin_2026-07.graphql"
    if not place.is_file():
        pytest.skip(f"{place} is not there; set DIBS_SHARED_CONTRACTS to the folder above it")
    return build_schema(place.read_text(), assume_valid=True)


@pytest.fixture(scope="module")
def part() -> GraphQLSchema:
    return twin_schema.schema()


@each_document
def test_a_document_is_valid_by_the_vendors_schema(whole, name) -> None:
    assert not validate(whole, parse(documents.ALL[name].text))


@each_document
def test_a_document_is_valid_at_the_twin_and_costs_what_it_says(part, name) -> None:
    found = documents.ALL[name]
    parsed = parse(found.text)
    assert not validate(part, parsed)
    given = MOST | MORE.get(name, {})
    assert twin_schema.cost(part, parsed, given) == found.cost + 3 * found.each
    rows = documents.ORDERS if name == "SOME" else 250
    assert found.cost + rows * found.each <= twin_schema.COST_MAX


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("SCAN", "updatedAt", "updated_at"),
        ("ONE", "$id: ID!", "$id: Int!"),
        ("SET_STOCK", "(input: $input)", "(input: $input, ignoreCompareQuantity: true)"),
        ("SET_STOCK", "@idempotent(key: $key)", "@idempotent"),
        ("FULFILL", "fulfillment { id }", "fulfillment"),
        ("CANCEL", "restock: $restock,", ""),
    ],
)
def test_the_vendors_schema_refuses_a_document_that_is_wrong(whole, name, old, new) -> None:
    text = documents.ALL[name].text
    assert old in text and validate(whole, parse(text.replace(old, new, 1)))


def test_each_mutation_that_must_carry_an_idempotency_key_does(whole) -> None:
    seen = 0
    for found in documents.ALL.values():
        operation = parse(found.text).definitions[0]
        if operation.operation is not OperationType.MUTATION:
            continue
        for field in operation.selection_set.selections:
            told = whole.mutation_type.fields[field.name.value].description or ""
            marked = any(d.name.value == "idempotent" for d in field.directives or ())
            assert marked == ("idempotency key is required" in told), field.name.value
            seen += marked
    assert seen == 2


def test_the_twin_serves_nothing_that_the_vendors_schema_has_not(whole, part) -> None:
    compared = 0
    for name, kind in part.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        assert name in whole.type_map, name
        compared += 1
        other = whole.type_map[name]
        assert type(kind) is type(other), name
        if isinstance(kind, GraphQLEnumType):
            assert set(kind.values) <= set(other.values), name
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, served in kind.fields.items():
                theirs = other.fields[field]
                assert str(served.type) == str(theirs.type), f"{name}.{field}"
                for argument, given in getattr(served, "args", {}).items():
                    assert str(given.type) == str(theirs.args[argument].type), f"{name}.{field}"
    assert compared > 60
