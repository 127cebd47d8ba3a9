"""`X-Gateway-Trace: calls`: what an operation cost, call by call."""

import pytest

from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from ocpplab_graphql.loaders import lists

TRACED = {"x-gateway-trace": "calls"}
CREATE = """mutation { bulkCreateLocations(input: {cpoId: "101", locations: [{location: {name: "A", address: "b",
  city: "c", country: "FR", coordinates: {latitude: 1, longitude: 2}}}]}) { job { id } } }"""


async def traced(graphql, query):
    return (await graphql(query, **TRACED))["extensions"]["gateway"]


async def test_each_call_tells_its_route_its_rows_and_whom_it_served(graphql):
    trace = await traced(
        graphql, "{ cpos(first: 2) { nodes { all: locations(first: 3) { nodes { name } } } } }"
    )

    assert (trace["calls"], trace["minimum"]) == (3, 3)
    assert [(r["route"], r["status"], r["rows"], r["paths"]) for r in trace["requests"]] == [
        ("GET /ocpi/cpos", 200, 2, ["cpos"]),
        ("GET /ocpi/cpos/{cpo_id}/locations", 200, 3, ["cpos.nodes.0.all"]),
        ("GET /ocpi/cpos/{cpo_id}/locations", 200, 3, ["cpos.nodes.1.all"]),
    ]
    assert all(r["durationMs"] > 0 and r["bytes"] > 100 and r["startMs"] >= 0 for r in trace["requests"])
    assert trace["requests"][1]["startMs"] >= trace["requests"][0]["startMs"]


async def test_a_shared_call_names_all_whom_it_served(graphql):
    trace = await traced(
        graphql,
        '{ a: cpo(cpoId: "101") { namePrefix } b: cpo(cpoId: "102") { template } c: node(id: "CPO:103") { ... on CPO { namePrefix } } }',
    )

    [request] = trace["requests"]
    assert (trace["calls"], trace["minimum"], request["paths"]) == (1, 1, ["a", "b", "c"])


async def test_many_paths_are_counted_and_some_are_shown(graphql):
    fields = " ".join(f'a{n}: location(locationId: "Location:101:loc-{n}") {{ name }}' for n in range(1, 31))

    [request] = (await traced(graphql, "{ " + fields + " }"))["requests"]

    assert (len(request["paths"]), request["pathCount"], request["rows"]) == (10, 30, 100)


@pytest.mark.parametrize(
    ("query", "calls", "minimum"),
    [
        ('{ cpo(cpoId: "101") { locations(last: 5) { nodes { name } } } }', 2, 1),
        ('{ location(locationId: "Location:101:loc-1") { chargers { nodes { name } } } }', 2, 2),
        ("{ cpos { totalCount } cpoTemplates { slug } }", 2, 2),
        (
            '{ charger(chargerId: "dep-1") { name provisioning { status } logs(first: 3) { nodes { action } } } }',
            3,
            3,
        ),
        ("{ chargers(first: 250) { nodes { name } } }", 3, 3),
        ('{ cpo(cpoId: "999") { id } }', 1, 1),
        (CREATE, 1, 1),
        ("{ __typename }", 0, 0),
    ],
)
async def test_the_minimum_is_what_could_have_been(graphql, query, calls, minimum):
    trace = await traced(graphql, query)

    assert (trace["calls"], trace["minimum"]) == (calls, minimum)


async def test_a_worse_strategy_shows(graphql, monkeypatch):
    def row_by_row(ranges):
        return [(p + 1, 1) for p in sorted({p for a, b in ranges for p in range(a, b)})]

    monkeypatch.setattr(lists, "pages_covering", row_by_row)
    trace = await traced(graphql, '{ cpo(cpoId: "101") { locations(first: 7) { nodes { name } } } }')

    assert (trace["calls"], trace["minimum"]) == (7, 1)


async def test_every_attempt_is_a_row_and_rows_came_with_the_one_that_worked(graphql, wire):
    failures = [TransportFailed("no connection", sent=False), Reply(503, {}, b"not now")]
    wire.answer = lambda _method, _target: failures.pop(0) if failures else None

    trace = await traced(graphql, "{ cpos(first: 2) { nodes { id } } }")

    assert (trace["calls"], trace["minimum"]) == (3, 1)
    assert [(row["status"], row["rows"]) for row in trace["requests"]] == [
        (None, None),
        (503, None),
        (200, 2),
    ]
    assert [row["bytes"] for row in trace["requests"]][:2] == [0, 7]


async def test_without_the_header_there_is_no_trace(graphql):
    assert "extensions" not in await graphql("{ cpos { totalCount } }")


async def test_another_value_says_what_is_allowed(graphql):
    response = await graphql.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"x-gateway-trace": "all"}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
