"""Replies that are JSON and yet nonsense: mutated by chance, and each in the way that it was found to hurt."""

import json

import pytest

from bench.facade.fuzz_replies import Fuzz, run
from bench.facade.raw_gateway import RawGateway, http
from bench.facade.world import JOB, World
from tests.nonsense.conftest import ask, codes

INVALID = "GATEWAY_INVALID_RESPONSE"
WORLD = World()


def test_mutated_replies_lead_to_true_values_or_to_nulls_that_are_told():
    fuzz: Fuzz = run(150)

    assert fuzz.examples >= 150
    assert fuzz.nulls > 50
    assert set(fuzz.codes) <= {INVALID, "NOT_FOUND"}


def truth(target: str):
    return WORLD.reply("GET", target)[1]


def paged(path: str, limit: int, **changes):
    return http(json.dumps({**truth(f"{path}?page=1&limit={limit}"), **changes}).encode())


async def test_a_total_smaller_than_the_rows_beside_it_is_an_error_of_the_total_alone(
    gateway: RawGateway, client
):
    gateway.lies["/ocpi/cpos"] = paged("/ocpi/cpos", 50, total=1)

    body = await ask(client, "{ cpos { totalCount nodes { id } pageInfo { hasNextPage } } }")

    assert body["data"]["cpos"] == {
        "totalCount": None,
        "nodes": [{"id": f"CPO:{n}"} for n in (101, 102, 103)],
        "pageInfo": {"hasNextPage": False},
    }
    assert codes(body) == [(INVALID, ["cpos", "totalCount"])]


async def test_a_total_beyond_all_reason_costs_neither_calls_nor_time(gateway: RawGateway, client):
    gateway.lies["/ocpi/cpos"] = paged("/ocpi/cpos", 100, total=2**31 - 1)

    body = await ask(
        client, '{ nodes(ids: ["CPO:101", "CPO:102", "CPO:103", "CPO:999"]) { id ... on CPO { template } } }'
    )

    assert [node and node["id"] for node in body["data"]["nodes"]] == ["CPO:101", "CPO:102", "CPO:103", None]
    assert gateway.asked == {"GET /ocpi/cpos": 1, "GET /ocpi/cpos/999": 1}


@pytest.mark.parametrize("own", ["../x", "a/b", "", "..", "a\x00", "x" * 10_000])
async def test_an_id_that_looks_like_a_path_reaches_no_route_and_nulls_its_row(
    gateway: RawGateway, client, own
):
    rows = truth("/ocpi/cpos/101/locations?page=1&limit=3")
    rows["data"][1]["id"] = own
    rows["data"][2]["chargers"][0]["id"] = own
    rows["data"][2]["ocpp_location_id"] = own
    gateway.lies["/ocpi/cpos/101/locations"] = http(json.dumps(rows).encode())

    body = await ask(
        client,
        "{ cpo(cpoId: 101) { locations(first: 3) { nodes { name ocppLocationId chargers { edges { chargePointId evses { evseUid } node { name } } } } } } }",
    )

    first, second, third = body["data"]["cpo"]["locations"]["nodes"]
    assert (first["name"], second, third["ocppLocationId"]) == ("name 101 0", None, None)
    assert [edge["node"] and edge["node"]["name"] for edge in third["chargers"]["edges"]] == [
        None, "name dep-101-2-1", "name dep-101-2-2",
    ]  # fmt: skip
    at = ["cpo", "locations", "nodes"]
    edge = [*at, 2, "chargers", "edges", 0]
    assert sorted(codes(body), key=str) == sorted(
        [
            (INVALID, [*at, 1]),
            (INVALID, [*at, 2, "ocppLocationId"]),
            *((INVALID, [*edge, name]) for name in ("chargePointId", "evses", "node")),
        ],
        key=str,
    )
    assert {call for call in gateway.asked if own and own in call} == set()


@pytest.mark.parametrize("kilowatts", [1e308, -1e308, 1e10, -1])
async def test_a_power_that_is_none_is_an_error_and_not_the_largest_integer(
    gateway: RawGateway, client, kilowatts
):
    templates = truth("/ocpp/templates/locations")
    templates["data"][0]["charger_groups"][0]["nominal_kw"] = kilowatts
    gateway.lies["/ocpp/templates/locations"] = http(json.dumps(templates).encode())

    body = await ask(client, "{ locationTemplates { slug chargerGroups { nominalPowerW } } }")

    assert [t["chargerGroups"] for t in body["data"]["locationTemplates"]] == [
        [{"nominalPowerW": None}],
        [{"nominalPowerW": 22500}],
    ]
    assert codes(body) == [(INVALID, ["locationTemplates", 0, "chargerGroups", 0, "nominalPowerW"])]


@pytest.mark.parametrize("results", [7, "done", [], {"location_ids": "all"}, {"created": {}}])
async def test_results_that_are_no_list_of_locations_are_not_an_empty_one(
    gateway: RawGateway, client, results
):
    path = f"/ocpi/cpos/101/locations/jobs/{JOB}"
    gateway.lies[path] = http(json.dumps({**truth(path), "results": results}).encode())

    body = await ask(
        client,
        f'{{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ status locationIds locations {{ totalCount }} }} }}',
    )

    assert body["data"]["bulkLocationJob"] == {"status": "READY", "locationIds": None, "locations": None}
    assert sorted(codes(body)) == [
        (INVALID, ["bulkLocationJob", name]) for name in ("locationIds", "locations")
    ]


async def test_one_location_of_a_job_that_has_no_id_leaves_the_others(gateway: RawGateway, client):
    path = f"/ocpi/cpos/101/locations/jobs/{JOB}"
    results = {"location_ids": ["loc-0", "../x", "loc-1"]}
    gateway.lies[path] = http(json.dumps({**truth(path), "results": results}).encode())

    body = await ask(
        client, f'{{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ locations {{ nodes {{ name }} }} }} }}'
    )

    assert body["data"]["bulkLocationJob"]["locations"]["nodes"] == [
        {"name": "name 101 0"},
        None,
        {"name": "name 101 1"},
    ]
    assert codes(body) == [(INVALID, ["bulkLocationJob", "locations", "nodes", 1])]


@pytest.mark.parametrize(
    ("status", "shown"),
    [("400 No", True), ("422 No", True), ("409 No", False), ("404 No", False), ("500 No", False)],
)
async def test_the_gateways_own_words_are_shown_for_400_and_422_alone(
    gateway: RawGateway, client, status, shown
):
    gateway.lies["/ocpi/cpos/101"] = http(b'{"detail": "own words"}', status=status)

    body = await ask(client, "{ cpo(cpoId: 101) { namePrefix } }")

    assert ("own words" in json.dumps(body)) is shown


@pytest.mark.parametrize(
    "detail",
    [
        [{"loc": ["body", "locations", int("9" * 4000)], "msg": "m"}],
        [{"loc": ["body", "locations", "9" * 5000, "name"], "msg": {"own": "repr"}, "type": 5}],
        [{"loc": [None, {}, True], "msg": None}] * 1000,
        {"detail": {}},
    ],
)
async def test_a_complaint_of_any_shape_is_a_row_and_no_fault_of_ours(gateway: RawGateway, client, detail):
    gateway.lies["/ocpi/cpos/101/locations"] = http(json.dumps({"detail": detail}).encode(), status="422 No")
    create = """mutation { bulkCreateLocations(input: {cpoId: "101", locations: [{fromTemplate: {template: "t"}}]}) {
      userErrors { code message path } } }"""

    body = await ask(client, create)

    rows = body["data"]["bulkCreateLocations"]["userErrors"]
    assert {row["code"] for row in rows} == {"REJECTED"}
    assert all(len(part) < 20 for row in rows for part in row["path"])
    assert "repr" not in json.dumps(body)
