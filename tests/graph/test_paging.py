"""Connections: windows, cursors, pageInfo, totals."""

import pytest

from tests.conftest import Wire, facade

PAGE = """
query Page($first: Int, $after: String, $last: Int, $before: String) {
  cpo(cpoId: "101") {
    locations(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { cursor node { locationId } }
      nodes { locationId }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
ALL = [f"loc-{n}" for n in range(1, 121)]


async def page(graphql, **variables):
    return (await graphql.data(PAGE, variables))["cpo"]["locations"]


def ids(connection):
    return [edge["node"]["locationId"] for edge in connection["edges"]]


@pytest.mark.parametrize("size", [1, 7, 50, 100, 119, 120, 121, 500])
async def test_a_walk_forwards_meets_every_location_once(graphql, size):
    met, after = [], None
    while True:
        connection = await page(graphql, first=size, after=after)
        met += ids(connection)
        after = connection["pageInfo"]["endCursor"]
        if not connection["pageInfo"]["hasNextPage"]:
            break

    assert met == ALL


async def test_a_walk_backwards_meets_every_location_once(graphql):
    met, before = [], None
    while True:
        connection = await page(graphql, last=7, before=before)
        met = ids(connection) + met
        before = connection["pageInfo"]["startCursor"]
        if not connection["pageInfo"]["hasPreviousPage"]:
            break

    assert met == ALL


async def test_a_walk_over_120_locations_by_sevens_costs_18_calls(graphql, wire):
    after, pages = None, 0
    while pages == 0 or after:
        connection = await page(graphql, first=7, after=after)
        after = connection["pageInfo"]["hasNextPage"] and connection["pageInfo"]["endCursor"]
        pages += 1

    assert (pages, wire.calls) == (18, {"GET /ocpi/cpos/{cpo_id}/locations": 18})


async def test_a_page_says_truly_what_lies_around_it(graphql):
    first = await page(graphql, first=10)
    middle = await page(graphql, first=10, after=first["pageInfo"]["endCursor"])
    end = await page(graphql, last=10)

    around = [(p["pageInfo"]["hasPreviousPage"], p["pageInfo"]["hasNextPage"]) for p in (first, middle, end)]
    assert around == [(False, True), (True, True), (True, False)]
    assert (ids(first), ids(middle), ids(end)) == (ALL[:10], ALL[10:20], ALL[-10:])
    assert {p["totalCount"] for p in (first, middle, end)} == {120}


async def test_nodes_and_edges_tell_the_same(graphql):
    connection = await page(graphql, first=20)

    assert [node["locationId"] for node in connection["nodes"]] == ids(connection)


async def test_the_cursors_of_a_page_are_those_of_its_edges(graphql):
    connection = await page(graphql, first=5)

    assert connection["pageInfo"]["startCursor"] == connection["edges"][0]["cursor"]
    assert connection["pageInfo"]["endCursor"] == connection["edges"][-1]["cursor"]


async def test_without_first_or_last_a_page_is_fifty(graphql):
    assert ids(await page(graphql)) == ALL[:50]


async def test_before_alone_is_the_fifty_right_before(graphql):
    anchor = (await page(graphql, first=1, after=None))["pageInfo"]["endCursor"]
    last = await page(graphql, last=1)

    assert ids(await page(graphql, before=last["pageInfo"]["startCursor"])) == ALL[69:119]
    assert ids(await page(graphql, before=anchor)) == []


async def test_between_two_cursors_only_what_lies_between(graphql):
    edges = (await page(graphql, first=20))["edges"]

    connection = await page(graphql, first=50, after=edges[3]["cursor"], before=edges[9]["cursor"])

    assert ids(connection) == ALL[4:9]


async def test_a_cursor_holds_by_every_path_to_its_list(graphql):
    after = (await page(graphql, first=3))["pageInfo"]["endCursor"]

    data = await graphql.data(
        'query($a: String) { node(id: "CPO:101") { ... on CPO { locations(first: 1, after: $a) { nodes { locationId } } } } }',
        {"a": after},
    )

    assert data["node"]["locations"]["nodes"] == [{"locationId": "loc-4"}]


async def test_a_page_past_rows_that_vanished_is_empty_and_still_has_its_end(wire, graphql):
    after = (await page(graphql, last=1))["pageInfo"]["endCursor"]
    wire.answer = lambda _method, target: _shrunk(target, total=30)

    connection = await page(graphql, first=5, after=after)

    assert connection["edges"] == []
    assert connection["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": None,
        "endCursor": after,
    }


def _shrunk(target, *, total):
    import re

    from ocpplab_graphql.gateway.transport import Reply

    number, limit = re.search(r"page=(\d+)&limit=(\d+)", target).groups()
    return Reply(200, {}, f'{{"data":[],"total":{total},"page":{number},"limit":{limit}}}'.encode())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"first": 0}, "first must be 1 to 500, got 0."),
        ({"first": -1}, "first must be 1 to 500, got -1."),
        ({"first": 501}, "first must be 1 to 500, got 501."),
        ({"last": 0}, "last must be 1 to 500, got 0."),
        ({"first": 1, "last": 1}, "Give first or last, not both."),
        ({"after": ""}, "after is not a cursor: pass endCursor or startCursor on unchanged."),
        ({"after": "Y3Vyc29yOjE="}, "after is not a cursor: pass endCursor or startCursor on unchanged."),
        (
            {"before": "100000000.1.0000"},
            "before is a cursor of another list: use one that this very list returned.",
        ),
    ],
)
async def test_paging_arguments_that_do_not_fit_say_what_is_allowed(graphql, wire, variables, said):
    body = await graphql(PAGE.replace('cpo(cpoId: "101") {', 'cpo(cpoId: "101") { namePrefix'), variables)

    [error] = body["errors"]
    assert (error["message"], error["extensions"]["code"]) == (said, "BAD_USER_INPUT")
    assert error["path"] == ["cpo", "locations"]
    assert body["data"]["cpo"] == {"namePrefix": "demo", "locations": None}


async def test_a_cursor_of_another_cpo_is_refused(graphql):
    after = (await page(graphql, first=3))["pageInfo"]["endCursor"]

    body = await graphql(
        'query($a: String) { cpo(cpoId: "102") { namePrefix locations(after: $a) { totalCount } } }',
        {"a": after},
    )

    assert [e["extensions"]["code"] for e in body["errors"]] == ["BAD_USER_INPUT"]


async def test_embedded_chargers_page_like_any_list(graphql, wire):
    query = """
    query($first: Int, $after: String, $last: Int) { location(locationId: "Location:101:loc-1") {
      chargers(first: $first, after: $after, last: $last) {
        totalCount nodes { chargerId } pageInfo { hasNextPage hasPreviousPage endCursor } } } }
    """
    whole = (await graphql.data(query))["location"]["chargers"]
    part = (await graphql.data(query, {"first": 3}))["location"]["chargers"]
    rest = (await graphql.data(query, {"first": 3, "after": part["pageInfo"]["endCursor"]}))["location"][
        "chargers"
    ]
    last = (await graphql.data(query, {"last": 1}))["location"]["chargers"]

    assert whole["totalCount"] == len(whole["nodes"]) == 4
    assert part["nodes"] + rest["nodes"] == whole["nodes"]
    assert (part["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert last["nodes"] == whole["nodes"][-1:]
    assert last["pageInfo"]["hasPreviousPage"] is True


async def test_messages_of_a_charger_page_and_filter(graphql):
    query = """
    query($first: Int, $after: String, $action: String, $from: DateTime, $to: DateTime) { charger(chargerId: "dep-1") {
      logs(first: $first, after: $after, action: $action, from: $from, to: $to) {
        totalCount nodes { action timestamp } pageInfo { endCursor hasNextPage } } } }
    """

    async def logs(**variables):
        return (await graphql.data(query, variables))["charger"]["logs"]

    whole = await logs(first=500)
    start = await logs(first=5)
    rest = await logs(first=500, after=start["pageInfo"]["endCursor"])
    boots = await logs(action="BootNotification")
    moments = sorted(row["timestamp"] for row in whole["nodes"])
    between = await logs(**{"from": moments[3], "to": moments[6]}, first=500)

    assert len(whole["nodes"]) == whole["totalCount"] > 10
    assert start["nodes"] + rest["nodes"] == whole["nodes"]
    assert boots["nodes"] == [row for row in whole["nodes"] if row["action"] == "BootNotification"]
    assert between["nodes"] == [r for r in whole["nodes"] if moments[3] <= r["timestamp"] <= moments[6]]


async def test_the_page_sizes_are_settings(wire: Wire):
    async with facade(wire, page_size_default=2, page_size_max=3) as graphql:
        assert ids(await page(graphql)) == ALL[:2]
        assert await graphql.errors("{ cpos(first: 4) { totalCount } }") == [("BAD_USER_INPUT", ["cpos"])]
