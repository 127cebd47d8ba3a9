"""How many REST calls an operation costs, and which: exact numbers, for the demo world."""

import pytest

LIST_CPOS = "GET /ocpi/cpos"
ONE_CPO = "GET /ocpi/cpos/{cpo_id}"
CPO_STATUS = "GET /ocpi/cpos/{cpo_id}/status"
CPO_REPORT = "GET /ocpi/cpos/{cpo_id}/report"
LOCATIONS = "GET /ocpi/cpos/{cpo_id}/locations"
ONE_LOCATION = "GET /ocpi/cpos/{cpo_id}/locations/{location_id}"
CHARGERS = "GET /ocpp/chargers"
ONE_CHARGER = "GET /ocpp/chargers/{charger_id}"
CHARGER_STATUS = "GET /ocpp/chargers/{charger_id}/status"
CHARGER_LOGS = "GET /ocpp/chargers/{charger_id}/logs"
LOCATION_CHARGERS = "GET /ocpp/locations/{ocpp_location_id}/chargers"
CPO_TEMPLATES = "GET /ocpi/templates/cpos"
LOCATION_TEMPLATES = "GET /ocpp/templates/locations"


def aliases(field: str, ids: range, selection: str = "{ name }") -> str:
    return "{ " + " ".join(f"a{i}: {field.format(i)} {selection}" for i in ids) + " }"


TABLE: dict[str, tuple[str, dict[str, int]]] = {
    "nothing of the gateway": ("{ __typename }", {}),
    "introspection": ("{ __schema { queryType { name } } }", {}),
    "a nested page: one for the list, one per CPO": (
        "{ cpos(first: 3) { nodes { locations(first: 50) { nodes { name chargers { nodes { identity } } } } } } }",
        {LIST_CPOS: 1, LOCATIONS: 3},
    ),
    "a total alone": ("{ cpos { totalCount } }", {LIST_CPOS: 1}),
    "totals below a list": ("{ cpos { nodes { locations { totalCount } } } }", {LIST_CPOS: 1, LOCATIONS: 3}),
    "the same list in two windows": (
        "{ a: cpos(first: 1) { nodes { id } } b: cpos(first: 3) { nodes { id } } c: cpos { totalCount } }",
        {LIST_CPOS: 1},
    ),
    "a list below a CPO proves the CPO": (
        '{ cpo(cpoId: "101") { id cpoId locations(first: 10) { nodes { name } } } }',
        {LOCATIONS: 1},
    ),
    "two windows of the list that proves": (
        '{ cpo(cpoId: "101") { a: locations(first: 5) { nodes { name } } b: locations(first: 9) { nodes { city } } } }',
        {LOCATIONS: 1},
    ),
    "a list by an unknown CPO": (
        '{ cpo(cpoId: "999") { id locations(first: 10) { nodes { name } } } }',
        {LOCATIONS: 1},
    ),
    "a CPO's existence": ('{ cpo(cpoId: "101") { id } }', {ONE_CPO: 1}),
    "a CPO's record and a list": (
        '{ cpo(cpoId: "101") { namePrefix locations(first: 10) { nodes { name } } } }',
        {ONE_CPO: 1, LOCATIONS: 1},
    ),
    "a CPO's provisioning proves it": ('{ cpo(cpoId: "101") { provisioning { status } } }', {CPO_STATUS: 1}),
    "a CPO's report proves it": ('{ cpo(cpoId: "101") { reportMarkdown } }', {CPO_REPORT: 1}),
    "one CPO by three paths": (
        '{ cpo(cpoId: "101") { namePrefix } node(id: "CPO:101") { ... on CPO { namePrefix } } '
        'b: cpo(cpoId: "CPO:101") { template } }',
        {ONE_CPO: 1},
    ),
    "a CPO that the list of the same level brings": (
        '{ cpos { nodes { id } } cpo(cpoId: "102") { namePrefix } }',
        {LIST_CPOS: 1},
    ),
    "two CPOs: singly": (
        '{ a: cpo(cpoId: "101") { namePrefix } b: cpo(cpoId: "102") { namePrefix } }',
        {ONE_CPO: 2},
    ),
    "three CPOs: one page": (
        '{ a: cpo(cpoId: "101") { namePrefix } b: cpo(cpoId: "102") { namePrefix } '
        'c: cpo(cpoId: "103") { namePrefix } }',
        {LIST_CPOS: 1},
    ),
    "three CPOs, one unknown: confirmed by a single read": (
        '{ a: cpo(cpoId: "101") { namePrefix } b: cpo(cpoId: "102") { namePrefix } '
        'c: cpo(cpoId: "999") { namePrefix } }',
        {LIST_CPOS: 1, ONE_CPO: 1},
    ),
    "one location": ('{ location(cpoId: "101", locationId: "loc-3") { name } }', {ONE_LOCATION: 1}),
    "fifty locations of one CPO": (
        aliases('location(cpoId: "101", locationId: "loc-{}")', range(1, 51)),
        {LOCATIONS: 1},
    ),
    "fifty locations on two pages": (
        aliases('location(cpoId: "101", locationId: "loc-{}")', range(71, 121)),
        {LOCATIONS: 2},
    ),
    "three locations, one of them beyond page 1": (
        '{ a: location(locationId: "Location:101:loc-1") { name } b: location(locationId: "Location:101:loc-2") '
        '{ name } c: location(locationId: "Location:101:loc-119") { name } }',
        {LOCATIONS: 1, ONE_LOCATION: 1},
    ),
    "locations of several CPOs": (
        '{ nodes(ids: ["Location:101:loc-1", "Location:102:loc-121", "Location:103:loc-201"]) '
        "{ ... on Location { name } } }",
        {ONE_LOCATION: 3},
    ),
    "a window over several pages": (
        '{ cpo(cpoId: "101") { locations(first: 120) { nodes { name } } } }',
        {LOCATIONS: 2},
    ),
    "a child's parent by its id": (
        '{ location(cpoId: "101", locationId: "loc-3") { name cpo { id cpoId } } }',
        {ONE_LOCATION: 1},
    ),
    "a child's parent that the list brought": (
        "{ cpos { nodes { locations(first: 2) { nodes { cpo { namePrefix template } } } } } }",
        {LIST_CPOS: 1, LOCATIONS: 3},
    ),
    "chargers as their location embeds them": (
        '{ location(cpoId: "101", locationId: "loc-1") { chargers { nodes { id identity connectorType '
        "ocppLocationId } } } }",
        {ONE_LOCATION: 1},
    ),
    "full chargers of one location": (
        '{ location(cpoId: "101", locationId: "loc-1") { chargers { nodes { name vendorName } } } }',
        {ONE_LOCATION: 1, LOCATION_CHARGERS: 1},
    ),
    "full chargers of two locations": (
        '{ cpo(cpoId: "101") { locations(first: 2) { nodes { chargers(first: 2) { nodes { name } } } } } }',
        {LOCATIONS: 1, LOCATION_CHARGERS: 2},
    ),
    "full chargers where the tenant's total is known": (
        '{ chargers(first: 1) { nodes { id } } cpo(cpoId: "101") { locations(first: 50) { nodes { chargers(first: 2) '
        "{ nodes { name } } } } } }",
        {CHARGERS: 11, LOCATIONS: 1},
    ),
    "one charger": (
        '{ charger(chargerId: "dep-1") { name provisioning { status } } }',
        {ONE_CHARGER: 1, CHARGER_STATUS: 1},
    ),
    "a charger's messages": (
        '{ charger(chargerId: "dep-1") { name logs(first: 5) { nodes { action } } } }',
        {ONE_CHARGER: 1, CHARGER_LOGS: 1},
    ),
    "the tenant's chargers": ("{ chargers(first: 300) { nodes { name identity } } }", {CHARGERS: 3}),
    "the last of a list": ('{ cpo(cpoId: "103") { locations(last: 5) { nodes { name } } } }', {LOCATIONS: 1}),
    "the last of a long list": (
        '{ cpo(cpoId: "101") { locations(last: 5) { nodes { name } } } }',
        {LOCATIONS: 2},
    ),
    "templates": (
        "{ cpoTemplates { slug } a: locationTemplates { slug } b: locationTemplates(currentType: AC) { slug } }",
        {CPO_TEMPLATES: 1, LOCATION_TEMPLATES: 2},
    ),
    "what @skip leaves out": (
        '{ cpo(cpoId: "101") { id namePrefix @skip(if: true) locations(first: 1) { nodes { id } } } }',
        {LOCATIONS: 1},
    ),
    "what a fragment selects": (
        'query { cpo(cpoId: "101") { ...F } } fragment F on CPO { ... on Node { id } locations(first: 1) '
        "{ totalCount } }",
        {LOCATIONS: 1},
    ),
    "a bad argument": ("{ cpos(first: 0) { nodes { id } } }", {}),
    "a bad id": ('{ cpo(cpoId: "../101") { id } }', {}),
}


@pytest.mark.parametrize("case", TABLE)
async def test_an_operation_costs_exactly_these_calls(graphql, wire, case):
    query, expected = TABLE[case]

    await graphql(query)

    assert wire.calls == expected


async def test_no_token_costs_no_call(graphql, wire):
    graphql.token = None

    errors = await graphql.errors('{ cpos { totalCount } charger(chargerId: "dep-1") { id } }')

    assert sorted(errors) == [("UNAUTHENTICATED", ["charger"]), ("UNAUTHENTICATED", ["cpos"])]
    assert wire.sent == []


async def test_a_window_takes_the_smallest_page_that_holds_it(graphql, wire):
    body = await graphql.data('{ cpo(cpoId: "101") { locations(first: 10) { pageInfo { endCursor } } } }')
    cursor = body["cpo"]["locations"]["pageInfo"]["endCursor"]

    await graphql.data(
        'query($c: String) { cpo(cpoId: "101") { locations(first: 7, after: $c) { nodes { id } } } }',
        {"c": cursor},
    )

    assert wire.sent == [
        "GET /ocpi/cpos/101/locations?page=1&limit=1",
        "GET /ocpi/cpos/101/locations?page=2&limit=9",
    ]


async def test_fifty_point_reads_half_of_them_twice_cost_one_page(graphql, wire):
    ids = [*range(1, 26), *range(1, 26)]
    fields = " ".join(
        f'a{n}: location(cpoId: "101", locationId: "loc-{i}") {{ id name city }}' for n, i in enumerate(ids)
    )

    data = await graphql.data("{ " + fields + " }")

    assert wire.calls == {LOCATIONS: 1}
    assert [data[f"a{n}"]["id"] for n in range(50)] == [f"Location:101:loc-{i}" for i in ids]
