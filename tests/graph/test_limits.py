"""What is too much is refused before anything is done, and says the limit, the amount, and what to do."""

import pytest

from tests.conftest import facade

DEEP = "{ cpos { nodes { " + "locations { nodes { cpo { " * 8 + "id" + " } } }" * 8 + " } } }"
CHAIN = (
    '{ node(id: "CPO:101") { ...F0 } }'
    + "".join(
        f" fragment F{n} on CPO {{ a: locations {{ nodes {{ cpo {{ ...F{n + 1} }} }} }} b: locations {{ nodes {{ cpo {{ ...F{n + 1} }} }} }} }}"
        for n in range(25)
    )
    + " fragment F25 on CPO { id }"
)


async def refusal(graphql, query, variables=None):
    response = await graphql.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": "Bearer demo", "accept": "application/graphql-response+json"},
    )
    assert response.status_code == 400, response.text
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "OPERATION_TOO_COMPLEX"
    return error["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (DEEP, "This document is 27 levels of fields deep; 25 is the limit: select less far down."),
        (
            "{ " + " ".join(f"a{n}: __typename" for n in range(251)) + " }",
            "251 fields at the root; 250 is the limit",
        ),
        (
            "{ cpos { nodes { " + " ".join(f"a{n}: id" for n in range(501)) + " } } }",
            "501 aliases; 500 is the limit",
        ),
        ("{" + " cpos { totalCount }" * 101 + " }", "pairs of equal fields; 5000 is the limit"),
        (CHAIN, "levels of fields deep; 25 is the limit"),
        ("{ " + "a " * 10_001 + "}", "of more than 10000 tokens; 10000 is the limit"),
        ("{" * 65 + "}" * 65, "nested 65 levels deep; 64 is the limit"),
        (
            "{ cpos(first: 500) { nodes { locations(first: 500) { nodes { chargers { nodes { name } } } } } } }",
            "could make 252505 gateway calls; 5000 is the limit: ask for smaller pages",
        ),
        (
            "{ cpos(first: 100) { nodes { locations(first: 100) { nodes { chargers(first: 100) { nodes { identity } } } } } } }",
            "could bring 1010100 nodes; 250000 is the limit",
        ),
    ],
)
async def test_too_much_is_refused_and_nothing_is_sent(graphql, wire, query, said):
    assert said in await refusal(graphql, query)
    assert wire.sent == []


async def test_a_fragment_chain_costs_no_more_than_its_text(graphql):
    import time

    started = time.perf_counter()
    await refusal(graphql, CHAIN)

    assert time.perf_counter() - started < 1


async def test_what_a_screen_would_send_is_not_refused(graphql):
    from graphql import get_introspection_query

    await graphql.data("{ cpos { nodes { locations { nodes { chargers { nodes { identity } } } } } } }")
    await graphql.data(
        "{ "
        + " ".join(
            f'a{n}: location(locationId: "Location:101:loc-{n}") {{ name city }}' for n in range(1, 101)
        )
        + " }"
    )
    await graphql.data(get_introspection_query(input_value_deprecation=True))


async def test_the_limits_are_settings(wire):
    async with facade(wire, max_gateway_calls=3, max_nodes=20, max_depth=5) as graphql:
        nested = "{ cpos(first: 3) { nodes { locations(first: 1) { totalCount } } } }"

        assert "4 gateway calls; 3 is the limit" in await refusal(graphql, nested)
        assert "21 nodes; 20 is the limit" in await refusal(graphql, "{ cpos(first: 21) { nodes { id } } }")


async def test_introspection_can_be_switched_off(wire):
    async with facade(wire, introspection=False) as graphql:
        errors = await graphql.errors("{ __schema { queryType { name } } }")

    assert {code for code, _ in errors} == {"GRAPHQL_VALIDATION_FAILED"}
