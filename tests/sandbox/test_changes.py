"""Updating and deleting one location."""

import asyncio

import pytest

from ocpplab_graphql.sandbox import replies
from tests.sandbox.conftest import only_reads

PATH = "/ocpi/cpos/101/locations/loc-1"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "New"},
        {"address": "1 New Street"},
        {"city": "Lyon"},
        {"country": "DE"},
        {"coordinates": {"latitude": 1.5, "longitude": -2.5}},
        {"timezone": "Europe/Berlin"},
        {"timezone": None},
        {"owner_name": "Somebody"},
        {"owner_name": None},
        {"public": False},
        {"public": None},
        {"name": "Two", "city": "Lille"},
    ],
)
async def test_only_fields_that_are_present_change(gateway, change):
    before = (await gateway.get(PATH)).json()
    answer = await gateway.patch(PATH, json={**change, "colour": "ignored", "chargers": []})

    assert answer.status_code == 200
    after = answer.json()
    replies.Location.model_validate(after)
    assert after == {**before, **change, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert (await gateway.get(PATH)).json() == after


async def test_the_parking_type_changes_unseen(gateway, database, sql):
    assert (await gateway.patch(PATH, json={"parking_type": "ON_STREET"})).status_code == 200

    assert sql(database, "select parking_type from locations where id = 1") == [["ON_STREET"]]


@only_reads
@pytest.mark.parametrize("content", [b"{}", b'{"colour": 1}', b""])
async def test_an_empty_body_is_400(gateway, content):
    answer = await gateway.patch(PATH, content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@only_reads
async def test_an_unknown_time_zone_is_400(gateway):
    answer = await gateway.patch(PATH, json={"timezone": "Mars/Olympus"})

    assert (answer.status_code, answer.json()) == (400, {"detail": "unknown IANA time zone 'Mars/Olympus'"})


@only_reads
@pytest.mark.parametrize(
    ("change", "loc", "kind"),
    [
        ({"name": None}, ["name"], "string_type"),
        ({"name": ""}, ["name"], "string_too_short"),
        ({"country": "Germany"}, ["country"], "string_pattern_mismatch"),
        ({"coordinates": {"latitude": 91, "longitude": 0}}, ["coordinates", "latitude"], "less_than_equal"),
        ({"coordinates": None}, ["coordinates"], "model_attributes_type"),
        ({"public": "yes"}, ["public"], "bool_type"),
        ({"parking_type": "ROOF"}, ["parking_type"], "literal_error"),
    ],
)
async def test_a_mistake_is_422_at_its_exact_place_and_changes_nothing(gateway, change, loc, kind):
    before = (await gateway.get(PATH)).content
    answer = await gateway.patch(PATH, json={"city": "Lyon", **change})

    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (["body", *loc], kind)
    assert (await gateway.get(PATH)).content == before


async def test_deleting_a_location_takes_its_chargers_and_counts_along(gateway):
    location = (await gateway.get(PATH)).json()
    units = (await gateway.get("/ocpp/locations/ocpp-loc-1/chargers")).json()["data"]
    before = (await gateway.get("/ocpi/cpos/101")).json()["topology"]
    answers = [await gateway.delete(PATH) for _ in range(2)]

    assert [a.status_code for a in answers] == [204, 404]
    assert answers[0].content == b""
    connectors = sum(unit["number_of_connectors"] for unit in units)
    after = (await gateway.get("/ocpi/cpos/101")).json()["topology"]
    assert {name: before[name] - after[name] for name in before} == {
        "locations": 1,
        "chargers": len(units),
        "evses": connectors,
        "connectors": connectors,
    }
    assert (await gateway.get(PATH)).status_code == 404
    assert (await gateway.get(f"/ocpp/chargers/{location['chargers'][0]['id']}")).status_code == 404
    listed = (await gateway.get("/ocpi/cpos/101/locations?limit=1")).json()
    assert (listed["total"], listed["data"][0]["id"]) == (119, "loc-2")
    assert (await gateway.get("/ocpp/chargers?limit=1")).json()["total"] == 1000 - len(units)


async def test_deleted_at_the_same_moment_it_is_counted_once(gateway):
    answers = await asyncio.gather(*(gateway.delete(PATH) for _ in range(8)))

    assert sorted(a.status_code for a in answers) == [204, *[404] * 7]
    assert (await gateway.get("/ocpi/cpos/101")).json()["topology"]["locations"] == 119


@only_reads
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/ocpi/cpos/102/locations/loc-1",
        "/ocpi/cpos/999/locations/loc-1",
        "/ocpi/cpos/101/locations/loc-9999",
        "/ocpi/cpos/101/locations/nonsense",
    ],
)
async def test_a_location_elsewhere_is_404(gateway, method, path):
    answer = await gateway.request(method, path, json={"name": "Mine"})

    assert answer.status_code == 404
    assert (await gateway.get(PATH)).json()["name"] != "Mine"
