"""The variables of an operation are coerced as graphql-core does it, whoever does it."""

from typing import Any

import pytest
from graphql import GraphQLError, Undefined, build_schema, get_variable_values, parse

from ocpplab_graphql.execution.operations import Operations

SCHEMA = build_schema(
    """
    scalar Moment
    enum Colour { RED }
    input Point { x: Int! y: Int = 2 }
    type Query { field(a: ID, b: Int, c: Float, d: Moment, e: Colour, f: Point): String }
    """
)
TYPES = [
    "String",
    "ID",
    "Int",
    "Boolean",
    "Float",
    "Moment",
    "Colour",
    "Point",
    "[String!]",
    "[ID]",
    "[Int!]",
]
VALUES: list[Any] = [
    Undefined, None, "", "RED", "7", 0, -7, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**400, 1.0, 1.5, True, False,
    [], ["a"], ["a", None], ["a", 1], [1], [True], [["a"]], {}, {"x": 1}, {"x": "1"},
]  # fmt: skip
DEFAULTS = {"String": '"d"', "ID": "5", "Int": "5", "Boolean": "true", "[String!]": '"d"', "Point": "{x: 1}"}


def said(values: Any) -> Any:
    if isinstance(values, list):
        return [(error.message, error.locations) for error in values]
    exact = {name: (repr(value), type(value)) for name, value in values.coerced.items()}
    sources = [
        (name, one.signature.name, str(one.signature.type), one.signature.default, repr(one.value))
        for name, one in values.sources.items()
    ]
    return type(values), [*exact.items()], sources


@pytest.mark.parametrize("default", [False, True])
@pytest.mark.parametrize("required", ["", "!"])
@pytest.mark.parametrize("of_type", TYPES)
def test_every_value_becomes_what_graphql_core_makes_of_it(of_type, required, default):
    given_by_default = f" = {DEFAULTS[of_type]}" if default and of_type in DEFAULTS else ""
    document = parse(f"query Q($one: {of_type}{required}{given_by_default}, $last: Int) {{ field }}")
    operation = Operations(SCHEMA, document).named("Q")
    assert operation is not None
    for value in VALUES:
        given = {"last": 3} if value is Undefined else {"one": value, "last": 3, "unknown": 1}
        expected = get_variable_values(SCHEMA, operation.node.variable_definitions, given, max_errors=50)

        assert said(operation.variables.coerced(given)) == said(expected), value


def test_a_list_is_another_one_than_was_given():
    operation = Operations(SCHEMA, parse("query ($one: [ID!]!) { field }")).named(None)
    assert operation is not None
    given = ["a"]

    values = operation.variables.coerced({"one": given})

    assert not isinstance(values, list)
    assert values.coerced["one"] == given
    assert values.coerced["one"] is not given


def test_an_operation_is_found_by_its_name_and_without_one_if_it_is_the_only_one():
    several = Operations(SCHEMA, parse("query A { field } query B { field }"))
    alone = Operations(SCHEMA, parse("query A { field }"))

    assert several.named("B") is several.named("B")
    assert [several.named(None), several.named("C"), alone.named("C")] == [None, None, None]
    unnamed, named = alone.named(None), alone.named("A")
    assert unnamed is not None
    assert named is not None
    assert unnamed.node is named.node


def test_what_is_no_input_is_refused_as_graphql_core_does():
    operation = Operations(SCHEMA, parse("query ($one: Query, $two: Int!) { field }")).named(None)
    assert operation is not None

    errors = operation.variables.coerced({"two": 1})

    assert isinstance(errors, list)
    assert isinstance(errors[0], GraphQLError)
