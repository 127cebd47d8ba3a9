"""What an operation would cost, told beforehand: bounds that what it does cost never leaves."""

import pytest

from tests.calls.test_what_operations_cost import TABLE

PLAN = {"x-gateway-trace": "plan"}


async def plan(graphql, query, variables=None):
    body = await graphql(query, variables, **PLAN)
    assert body["data"] is None
    return body["extensions"]["gateway"]["plan"]


def bounds(calls):
    return (calls, calls) if isinstance(calls, int) else (calls["least"], calls["most"])


@pytest.mark.parametrize("case", [case for case in TABLE if case != "a bad id"])
async def test_what_an_operation_costs_lies_within_its_plan(graphql, wire, case):
    query, expected = TABLE[case]

    least, most = bounds((await plan(graphql, query))["calls"])

    assert least <= sum(expected.values()) <= most
    assert wire.sent == []


@pytest.mark.parametrize(
    ("query", "calls", "nodes"),
    [
        ("{ cpos { totalCount } }", 1, 0),
        ('{ cpo(cpoId: "101") { namePrefix } }', 1, 1),
        ('{ cpo(cpoId: "101") { locations(first: 10) { nodes { name } } } }', 1, 11),
        ("{ chargers(first: 300) { nodes { name } } }", 3, 300),
        (
            "{ cpos(first: 3) { nodes { locations(first: 50) { nodes { chargers { nodes { identity } } } } } } }",
            {"least": 1, "most": 4},
            3 + 3 * 50 + 3 * 50 * 50,
        ),
        (
            "{ cpos(first: 3) { nodes { locations(first: 50) { edges { node { chargers { edges { node { name } } } } } } } } }",
            {"least": 1, "most": 1 + 3 + 150},
            7653,
        ),
        (
            "{ cpos(first: 2) { nodes { reportMarkdown provisioning { status } } } }",
            {"least": 1, "most": 5},
            4,
        ),
        ('{ location(locationId: "Location:101:loc-1") { cpo { id } } }', 1, 2),
        ('{ location(locationId: "Location:101:loc-1") { cpo { namePrefix } } }', {"least": 1, "most": 2}, 2),
        (
            "{ cpos { nodes { locations(first: 9) { nodes { cpo { namePrefix } } } } } }",
            {"least": 1, "most": 51},
            950,
        ),
        ('mutation { deleteCPO(input: {cpoId: "101"}) { deletedId } }', {"least": 0, "most": 1}, 0),
    ],
)
async def test_a_plan_is_exact_where_it_can_be(graphql, query, calls, nodes):
    told = await plan(graphql, query)

    assert (told["calls"], told["nodes"]) == (calls, nodes)


async def test_variables_are_inputs_of_the_plan(graphql):
    query = "query($n: Int, $all: Boolean!) { chargers(first: $n) { nodes @include(if: $all) { name } } }"

    assert (await plan(graphql, query, {"n": 500, "all": True}))["calls"] == 5
    assert (await plan(graphql, query, {"n": 50, "all": True}))["calls"] == 1
    assert (await plan(graphql, query, {"n": 500, "all": False}))["calls"] == 1


async def test_a_plan_names_the_routes(graphql):
    told = await plan(graphql, '{ cpo(cpoId: "101") { namePrefix locations(first: 5) { nodes { name } } } }')

    assert told["requests"] == [
        {"route": "GET /ocpi/cpos/{cpo_id}", "calls": 1},
        {"route": "GET /ocpi/cpos/{cpo_id}/locations", "calls": {"least": 0, "most": 1}},
    ]


async def test_rows_selected_by_nodes_and_by_edges_are_planned_together(graphql):
    both = "nodes { locations(first: %d) { totalCount } } edges { node { %s } }"
    fields = " ".join(
        f"p{n}: cpos(first: 2) {{ {both % (n, 'namePrefix' if n % 2 else 'reportMarkdown')} }}"
        for n in range(1, 21)
    )

    told = await plan(graphql, "{ " + fields + " }")

    most = {row["route"]: bounds(row["calls"])[1] for row in told["requests"]}
    assert most == {
        "GET /ocpi/cpos": 20,
        "GET /ocpi/cpos/{cpo_id}/locations": 40,
        "GET /ocpi/cpos/{cpo_id}/report": 20,
    }
