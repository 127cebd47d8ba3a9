"""`updateLocation`, `deleteLocation`, `createCPO`, `deleteCPO`."""

import asyncio
import json

import pytest

from ocpplab_graphql.gateway.transport import Reply, TransportFailed

UPDATE = """mutation($input: UpdateLocationInput!) { updateLocation(input: $input) {
  location { id name city country ownerName isPublic coordinates { latitude } chargers { totalCount } }
  userErrors { code message path } } }"""
DELETE = """mutation($input: DeleteLocationInput!) { deleteLocation(input: $input) {
  deletedId cpo { id topology { locationCount } } userErrors { code message path } } }"""
CREATE_CPO = """mutation($input: CreateCPOInput!) { createCPO(input: $input) {
  cpo { id cpoId } provisioning { id status isFinished } tokenA roamHelper { credentialsPayload curlSnippet }
  userErrors { code message path } } }"""
DELETE_CPO = (
    """mutation($input: DeleteCPOInput!) { deleteCPO(input: $input) { deletedId userErrors { code } } }"""
)
CPO = {"template": "small-urban-ac", "countryCode": "FR", "partyId": "NEW", "namePrefix": "new"}
LOC1 = "Location:101:loc-1"


async def run(graphql, query, **given):
    [(_, payload)] = (await graphql.data(query, {"input": given})).items()
    return payload


def rows(payload):
    return [(e["code"], ".".join(e["path"])) for e in payload["userErrors"]]


async def test_an_update_changes_what_is_given_and_nothing_else(graphql, wire):
    before = await graphql.data(f'{{ node(id: "{LOC1}") {{ ... on Location {{ city country isPublic }} }} }}')
    wire.sent.clear()

    payload = await run(
        graphql,
        UPDATE,
        locationId=LOC1,
        name="New name",
        ownerName=None,
        coordinates={"latitude": 1.5, "longitude": 2},
    )

    assert payload["userErrors"] == []
    assert (payload["location"]["name"], payload["location"]["ownerName"]) == ("New name", None)
    assert payload["location"]["coordinates"] == {"latitude": 1.5}
    assert {k: payload["location"][k] for k in ("city", "country", "isPublic")} == before["node"]
    assert wire.calls == {"PATCH /ocpi/cpos/{cpo_id}/locations/{location_id}": 1}


async def test_after_a_write_the_same_operation_reads_fresh_rows(graphql):
    body = await graphql.data(
        """mutation($a: UpdateLocationInput!, $b: UpdateLocationInput!) {
        a: updateLocation(input: $a) { location { cpo { locations(first: 1) { nodes { name } } } } }
        b: updateLocation(input: $b) { location { cpo { locations(first: 1) { nodes { name } } } } } }""",
        {"a": {"locationId": LOC1, "name": "First"}, "b": {"locationId": LOC1, "name": "Second"}},
    )

    def seen(payload):
        return payload["location"]["cpo"]["locations"]["nodes"][0]["name"]

    assert (seen(body["a"]), seen(body["b"])) == ("First", "Second")


async def test_every_mistake_of_an_update_is_told_at_once_and_nothing_is_sent(graphql, wire):
    nothing = await run(graphql, UPDATE, locationId=LOC1)
    wrong = await run(
        graphql, UPDATE, locationId=LOC1, name=None, city=" ", country="France", isPublic=None, timezone="X/Y",
        coordinates={"latitude": -91, "longitude": 0},
    )  # fmt: skip

    assert rows(nothing) == [("BLANK", "input")]
    assert sorted(rows(wrong)) == [
        ("BLANK", "input.city"),
        ("INVALID", "input.country"),
        ("INVALID", "input.timezone"),
        ("NULL_NOT_ALLOWED", "input.isPublic"),
        ("NULL_NOT_ALLOWED", "input.name"),
        ("OUT_OF_RANGE", "input.coordinates.latitude"),
    ]
    assert wire.sent == []


async def test_what_the_gateway_refuses_of_an_update_leads_back_to_the_input(graphql, wire):
    detail = [
        {"loc": ["body", "coordinates", "longitude"], "msg": "too far", "type": "x"},
        {"loc": ["body", "public"], "msg": "no", "type": "x"},
        {"loc": ["body", "parking_type"], "msg": "which", "type": "x"},
    ]
    wire.answer = lambda _method, _target: Reply(422, {}, json.dumps({"detail": detail}).encode())

    payload = await run(graphql, UPDATE, locationId=LOC1, name="x")

    assert [(e["code"], e["message"], ".".join(e["path"])) for e in payload["userErrors"]] == [
        ("REJECTED", "too far", "input.coordinates.longitude"),
        ("REJECTED", "no", "input.isPublic"),
        ("REJECTED", "which", "input.parkingType"),
    ]


async def test_a_location_that_is_deleted_is_gone(graphql):
    payload = await run(graphql, DELETE, cpoId="101", locationId="loc-1")
    again = await run(graphql, DELETE, locationId=LOC1)
    update = await run(graphql, UPDATE, locationId=LOC1, name="x")
    after = await graphql.data(
        '{ location(locationId: "Location:101:loc-1") { id } charger(chargerId: "dep-1") { id } }'
    )

    assert (payload["deletedId"], payload["userErrors"]) == (LOC1, [])
    assert payload["cpo"] == {"id": "CPO:101", "topology": {"locationCount": 119}}
    assert (again["deletedId"], rows(again)) == (None, [("NOT_FOUND", "input.locationId")])
    assert rows(update) == [("NOT_FOUND", "input.locationId")]
    assert after == {"location": None, "charger": None}


async def test_a_cpo_is_created_and_becomes_ready(graphql, wire):
    payload = await run(graphql, CREATE_CPO, **CPO, ttlSeconds=None, seed=7, overrides={"locationCount": 1})
    cpo_id = payload["cpo"]["cpoId"]

    assert payload["userErrors"] == []
    assert payload["provisioning"] == {
        "id": f"Provisioning:CPO:{cpo_id}",
        "status": "PENDING",
        "isFinished": False,
    }
    assert payload["tokenA"]
    assert payload["roamHelper"]["credentialsPayload"]
    assert wire.calls == {"POST /ocpi/cpos": 1}

    query = f'{{ cpo(cpoId: "{cpo_id}") {{ expiresAt party {{ partyId }} provisioning {{ status }} locations {{ totalCount }} }} }}'
    for _ in range(500):
        data = await graphql.data(query)
        if data["cpo"] and data["cpo"]["provisioning"]["status"] == "READY":
            break
        await asyncio.sleep(0.01)
    assert data["cpo"] == {
        "expiresAt": None,
        "party": {"partyId": "NEW"},
        "provisioning": {"status": "READY"},
        "locations": {"totalCount": 1},
    }


async def test_every_mistake_of_a_new_cpo_is_told_at_once_and_nothing_is_sent(graphql, wire):
    payload = await run(
        graphql, CREATE_CPO, template=" ", countryCode="fr", partyId="toolong", namePrefix="", role=None,
        ocpiVersion="", ttlSeconds=59, overrides={"locationCount": 0, "chargersPerLocation": None}, idempotencyKey=" ",
    )  # fmt: skip

    assert (payload["cpo"], payload["tokenA"], payload["roamHelper"]) == (None, None, None)
    assert sorted(rows(payload)) == [
        ("BLANK", "input.namePrefix"),
        ("BLANK", "input.ocpiVersion"),
        ("BLANK", "input.template"),
        ("INVALID", "input.countryCode"),
        ("INVALID", "input.idempotencyKey"),
        ("INVALID", "input.partyId"),
        ("NULL_NOT_ALLOWED", "input.role"),
        ("OUT_OF_RANGE", "input.overrides.locationCount"),
        ("OUT_OF_RANGE", "input.ttlSeconds"),
    ]
    assert wire.sent == []


async def test_an_unknown_cpo_template_is_told_with_those_there_are(graphql):
    payload = await run(graphql, CREATE_CPO, **{**CPO, "template": "nope"})

    assert rows(payload) == [("NOT_FOUND", "input.template")]
    assert "small-urban-ac" in payload["userErrors"][0]["message"]


async def test_an_idempotency_key_makes_one_cpo(graphql):
    first = await run(graphql, CREATE_CPO, **CPO, idempotencyKey="k")
    again = await run(graphql, CREATE_CPO, **CPO, idempotencyKey="k")
    other = await run(graphql, CREATE_CPO, **{**CPO, "namePrefix": "other"}, idempotencyKey="k")

    assert first["cpo"]["id"] == again["cpo"]["id"]
    assert rows(other) == [("IDEMPOTENCY_KEY_REUSED", "input.idempotencyKey")]


async def test_deleting_a_cpo_succeeds_as_often_as_it_is_asked(graphql):
    first = await run(graphql, DELETE_CPO, cpoId="103")
    again = await run(graphql, DELETE_CPO, cpoId="CPO:103")
    data = await graphql.data('{ cpos { totalCount } cpo(cpoId: "103") { id } }')

    assert first == again == {"deletedId": "CPO:103", "userErrors": []}
    assert data == {"cpos": {"totalCount": 2}, "cpo": None}


@pytest.mark.parametrize(
    ("query", "given", "retryable"),
    [
        (UPDATE, {"locationId": LOC1, "name": "x"}, True),
        (DELETE, {"locationId": LOC1}, False),
        (CREATE_CPO, CPO, False),
        (DELETE_CPO, {"cpoId": "101"}, True),
    ],
)
async def test_a_write_whose_fate_is_unknown_says_whether_to_repeat_it(
    graphql, wire, query, given, retryable
):
    wire.answer = lambda _method, _target: TransportFailed("connection lost", sent=True)

    body = await graphql(query, {"input": given})

    [error] = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("OUTCOME_UNKNOWN", retryable)
    assert len(wire.sent) == 1
