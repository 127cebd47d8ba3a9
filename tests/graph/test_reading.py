"""Nodes and their fields: the same by every path, null where nothing is, an error only where one belongs."""

import pytest

from ocpplab_graphql.gateway.transport import Reply

LOCATION = """fragment L on Location {
  id locationId ocppLocationId organizationId slug name address city country coordinates { latitude longitude }
  timezone ownerName isPublic createdAt updatedAt cpo { id cpoId namePrefix }
  chargers { totalCount edges { cursor chargePointId evses { evseUid } node { ...C } } }
}
"""
CHARGER = """fragment C on Charger { id chargerId identity connectorType ocppVersion ocppLocationId name vendorName model
  imageUrl numberOfConnectors maxChargingPowerW createdAt updatedAt }
"""


async def test_a_location_is_the_same_by_every_path(graphql):
    data = await graphql.data(
        LOCATION
        + CHARGER
        + """{
      a: location(cpoId: "101", locationId: "loc-1") { ...L }
      b: location(locationId: "Location:101:loc-1") { ...L }
      c: node(id: "Location:101:loc-1") { ...L }
      d: nodes(ids: ["Location:101:loc-1"]) { ...L }
      e: cpos(first: 1) { nodes { locations(first: 1) { nodes { ...L } } } }
    }"""
    )

    first = data["a"]
    assert first["id"] == "Location:101:loc-1"
    assert first["cpo"] == {"id": "CPO:101", "cpoId": "101", "namePrefix": "demo"}
    assert [data["b"], data["c"], data["d"][0]] == [first] * 3
    assert data["e"]["nodes"][0]["locations"]["nodes"] == [first]


async def test_a_charger_is_the_same_by_every_path(graphql):
    data = await graphql.data(
        CHARGER
        + """{
      a: charger(chargerId: "dep-1") { ...C }
      b: charger(chargerId: "Charger:dep-1") { ...C }
      c: node(id: "Charger:dep-1") { ...C }
      d: location(cpoId: "101", locationId: "loc-1") { ocppLocationId chargers(first: 1) { nodes { ...C } } }
      e: chargers(first: 1) { nodes { ...C } }
    }"""
    )
    place = data["d"]["ocppLocationId"]
    of_location = await graphql.data(
        CHARGER + "query($p: ID) { chargers(ocppLocationId: $p, first: 1) { totalCount nodes { ...C } } }",
        {"p": place},
    )

    first = data["a"]
    assert first["ocppLocationId"] == place
    assert [data["b"], data["c"]] == [first] * 2
    assert data["d"]["chargers"]["nodes"] == data["e"]["nodes"] == of_location["chargers"]["nodes"] == [first]
    assert of_location["chargers"]["totalCount"] == 4


async def test_a_connector_type_that_the_summary_lacks_comes_from_the_full_record(graphql, wire):
    def without_connector_type(_method: str, target: str) -> Reply | None:
        if target != "/ocpi/cpos/101/locations/loc-9":
            return None
        return Reply(
            200,
            {},
            b'{"id":"loc-9","ocpp_location_id":null,"chargers":[{"id":"dep-1","identity":"DEMO_PARIS_001_001"}]}',
        )

    wire.answer = without_connector_type
    data = await graphql.data(
        '{ location(cpoId: "101", locationId: "loc-9") { chargers { nodes { identity connectorType } } } '
        'charger(chargerId: "dep-1") { connectorType } }'
    )

    assert data["charger"]["connectorType"]
    assert data["location"]["chargers"]["nodes"] == [
        {"identity": "DEMO_PARIS_001_001", "connectorType": data["charger"]["connectorType"]}
    ]
    assert wire.calls == {
        "GET /ocpi/cpos/{cpo_id}/locations/{location_id}": 1,
        "GET /ocpp/chargers/{charger_id}": 1,
    }


async def test_what_does_not_exist_is_null_without_an_error(graphql):
    data = await graphql.data(
        """{
      cpo(cpoId: "999") { id namePrefix }
      proven: cpo(cpoId: "999") { id locations { totalCount } }
      provisioned: cpo(cpoId: "999") { provisioning { status } }
      location(cpoId: "101", locationId: "loc-99999") { id }
      charger(chargerId: "dep-99999") { id }
      bulkLocationJob(cpoId: "101", jobId: "4f6b5e0e-7d1a-4b0a-9c2e-abc123456789") { id }
      node(id: "Provisioning:CPO:999") { id }
      nodes(ids: ["CPO:999", "CPO:101", "Charger:dep-99999"]) { id }
    }"""
    )

    assert data == {
        "cpo": None,
        "proven": None,
        "provisioned": None,
        "location": None,
        "charger": None,
        "bulkLocationJob": None,
        "node": None,
        "nodes": [None, {"id": "CPO:101"}, None],
    }


async def test_an_id_that_can_be_none_nulls_only_itself(graphql):
    body = await graphql('{ nodes(ids: ["CPO:101", "nonsense", "CPO:0", "Charger:a%2Fb"]) { id } }')

    assert body["data"] == {"nodes": [{"id": "CPO:101"}, None, None, None]}
    assert sorted((e["extensions"]["code"], e["path"]) for e in body["errors"]) == [
        ("BAD_USER_INPUT", ["nodes", n]) for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "field",
    [
        'cpo(cpoId: "Location:101:loc-1") { id }',
        'cpo(cpoId: "0101") { id }',
        'cpo(cpoId: "\u0661\u0660\u0661") { id }',
        'cpo(cpoId: "") { id }',
        'location(locationId: "loc-1") { id }',
        'location(cpoId: "102", locationId: "Location:101:loc-1") { id }',
        'location(cpoId: "101", locationId: "Charger:dep-1") { id }',
        'location(cpoId: "101", locationId: "jobs/4f6b5e0e") { id }',
        'location(cpoId: "101", locationId: "..") { id }',
        'charger(chargerId: "dep-1/status") { id }',
        'charger(chargerId: "") { id }',
        'chargers(ocppLocationId: "") { totalCount }',
        'node(id: "CPO%3A101") { id }',
        'node(id: "Provisioning:Location:1") { id }',
    ],
)
async def test_an_argument_that_can_be_no_id_is_refused_without_a_call(graphql, wire, field):
    body = await graphql("{ " + field + " }")

    assert [e["extensions"]["code"] for e in body["errors"]] == ["BAD_USER_INPUT"]
    assert wire.sent == []


async def test_provisioning_has_an_id_that_reads_it_again(graphql):
    data = await graphql.data(
        '{ cpo(cpoId: "101") { provisioning { id status isFinished retryAfterMs currentStep error { code } } } '
        'charger(chargerId: "dep-1") { provisioning { id status provisionedAt } } }'
    )
    again = await graphql.data(
        '{ a: node(id: "Provisioning:CPO:101") { ... on Provisioning { id status } } '
        'b: node(id: "Provisioning:Charger:dep-1") { ... on Provisioning { id status provisionedAt } } }'
    )

    assert data["cpo"]["provisioning"] == {
        "id": "Provisioning:CPO:101",
        "status": "READY",
        "isFinished": True,
        "retryAfterMs": None,
        "currentStep": None,
        "error": None,
    }
    assert again["a"] == {"id": "Provisioning:CPO:101", "status": "READY"}
    assert again["b"] == data["charger"]["provisioning"]


async def test_a_cpo_tells_all_of_itself(graphql):
    data = await graphql.data(
        """{ cpo(cpoId: "101") { party { countryCode partyId role } namePrefix template templateVersion ocpiPeerUrl
        topology { locationCount chargerCount evseCount connectorCount } expiresAt createdAt updatedAt reportMarkdown } }"""
    )

    cpo = data["cpo"]
    assert cpo["party"] == {"countryCode": "FR", "partyId": "VLT", "role": "CPO"}
    assert cpo["topology"]["locationCount"] == 120
    assert cpo["expiresAt"] is None
    assert cpo["createdAt"].endswith(".000Z")
    assert cpo["reportMarkdown"].startswith("#")


async def test_templates_speak_the_graphs_words(graphql):
    data = await graphql.data(
        """{ cpoTemplates { slug version description locationCount chargerCount }
        ac: locationTemplates(currentType: AC) { slug currentType }
        new: locationTemplates(ocppVersion: "OCPP2.0.1") { slug chargerGroups { ocppVersion } }
        all: locationTemplates { slug country parkingType currentType
          chargerGroups { brand model connectorType ocppVersion chargerCount nominalPowerW } } }"""
    )

    assert [(t["slug"], t["locationCount"], t["chargerCount"]) for t in data["cpoTemplates"]] == [
        ("small-urban-ac", 2, 6),
        ("highway-dc", 3, 6),
        ("mixed-depot", 1, 6),
    ]
    assert {t["currentType"] for t in data["ac"]} == {"AC"}
    assert {"urban-ac-hub", "highway-dc-station", "residential-ac-single"} <= {t["slug"] for t in data["all"]}
    assert all(g["nominalPowerW"] >= 1000 for t in data["all"] for g in t["chargerGroups"])
    assert all(any(g["ocppVersion"] == "OCPP2.0.1" for g in t["chargerGroups"]) for t in data["new"])


async def test_tenants_see_only_their_own(graphql):
    own = await graphql.data(
        '{ cpos { totalCount } cpo(cpoId: "101") { id } }', authorization="Bearer org-other"
    )
    wrong = await graphql("{ cpos { totalCount } }", authorization="Bearer wrong")
    admin = await graphql("{ cpos { totalCount } }", authorization="Bearer admin")

    assert own == {"cpos": {"totalCount": 0}, "cpo": None}
    assert [e["extensions"]["code"] for e in wrong["errors"]] == ["UNAUTHENTICATED"]
    assert [e["extensions"]["code"] for e in admin["errors"]] == ["BAD_USER_INPUT"]


async def test_credentials_reach_the_gateway_exactly_as_they_came(graphql, wire):
    await graphql(
        "{ cpos { totalCount } }",
        authorization="bearer  x-Y_z==",
        **{"X-Organization-Id": "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"},
    )

    assert wire.headers == [
        {
            "Accept": "application/json",
            "Authorization": "bearer  x-Y_z==",
            "X-Organization-Id": "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11",
        }
    ]


async def test_what_is_not_given_is_not_sent(graphql, wire):
    await graphql("{ cpos { totalCount } }")

    assert wire.headers == [{"Accept": "application/json", "Authorization": "Bearer demo"}]


async def test_moments_are_read_in_any_zone_and_written_in_utc(graphql):
    query = 'query($from: DateTime) { charger(chargerId: "dep-1") { logs(from: $from) { totalCount } } }'

    in_utc = await graphql.data(query, {"from": "2025-03-03T15:30:00Z"})
    elsewhere = await graphql.data(query, {"from": "2025-03-03T17:30:00.000+02:00"})

    assert in_utc == elsewhere
    for bad in ("2025-03-03", "2025-03-03T15:30:00", "yesterday", 5):
        response = await graphql.http.post(
            "/graphql",
            json={"query": query, "variables": {"from": bad}},
            headers={"authorization": "Bearer demo"},
        )
        [error] = response.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "RFC 3339" in error["message"]


async def test_introspection_tells_of_lists_too_that_they_are_not_one_of(graphql):
    answer = await graphql(
        '{ __type(name: "BulkLocationInput") { isOneOf fields { name } inputFields { type { isOneOf } } } '
        "__schema { directives { args { type { kind isOneOf ofType { isOneOf } } } } } }"
    )

    assert "errors" not in answer
    assert answer["data"]["__type"]["isOneOf"] is True
