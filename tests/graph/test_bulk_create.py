"""`bulkCreateLocations` and `bulkLocationJob`."""

import asyncio
import json

import pytest

from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from tests.conftest import Wire, facade

CREATE = """
mutation Create($input: BulkCreateLocationsInput!) {
  bulkCreateLocations(input: $input) {
    job { id jobId status isFinished retryAfterMs workflowRunId cpo { id } locationIds }
    userErrors { code message path }
  }
}
"""
JOB = """
query Job($id: ID!) {
  bulkLocationJob(jobId: $id) {
    id status isFinished retryAfterMs error { code } locationIds rawResults provisionedAt
    failures { index name error { code message retryable } }
    locations(first: 100) { totalCount nodes { id name city cpo { id } chargers { nodes { identity } } } }
  }
}
"""
PLACE = {
    "name": "Hub Bercy",
    "address": "1 Rue de Bercy",
    "city": "Paris",
    "country": "FR",
    "coordinates": {"latitude": 48.84, "longitude": 2.38},
}
GROUP = {
    "brandSlug": "alfen",
    "modelSlug": "eve",
    "connectorType": "Type2",
    "ocppVersion": "OCPP1.6",
    "wsUrl": "wss://csms.example/ocpp",
    "identityPrefix": "BERCY_",
    "chargerIds": ["001", "002"],
}


def raw(**changes):
    return {"location": {**PLACE, **changes}}


async def create(graphql, *locations, **more):
    variables = {"input": {"cpoId": "101", "locations": list(locations), **more}}
    return (await graphql.data(CREATE, variables))["bulkCreateLocations"]


async def finished(graphql, job_id):
    for _ in range(500):
        job = (await graphql.data(JOB, {"id": job_id}))["bulkLocationJob"]
        if job["isFinished"]:
            return job
        await asyncio.sleep(0.01)
    raise AssertionError(f"job {job_id} did not finish")


def rows(payload):
    return [(e["code"], ".".join(e["path"])) for e in payload["userErrors"]]


async def test_raw_and_template_items_become_locations(graphql, wire):
    payload = await create(
        graphql,
        raw(
            name="Hub A",
            timezone="Europe/Paris",
            ownerName=None,
            isPublic=True,
            parkingType="PARKING_LOT",
            chargerGroups=[GROUP],
        ),
        raw(name="Hub B"),
        {"fromTemplate": {"template": "urban-ac-hub", "overrides": {"name": "Hub C", "city": "Nantes"}}},
    )

    job = payload["job"]
    assert payload["userErrors"] == []
    assert job["status"] in {"PENDING", "PROVISIONING"}
    assert (job["isFinished"], job["retryAfterMs"], job["cpo"]) == (False, 1000, {"id": "CPO:101"})
    assert job["id"] == f"BulkLocationJob:101:{job['jobId']}"
    assert wire.calls == {"POST /ocpi/cpos/{cpo_id}/locations": 1}

    done = await finished(graphql, job["id"])
    nodes = done["locations"]["nodes"]
    assert (done["status"], done["retryAfterMs"], done["failures"]) == ("READY", None, [])
    assert [(n["name"], n["city"]) for n in nodes] == [
        ("Hub A", "Paris"),
        ("Hub B", "Paris"),
        ("Hub C", "Nantes"),
    ]
    assert [c["identity"] for c in nodes[0]["chargers"]["nodes"]] == ["BERCY_001", "BERCY_002"]
    assert done["locationIds"] == [n["id"].removeprefix("Location:101:") for n in nodes]
    assert json.loads(done["rawResults"])["location_ids"] == done["locationIds"]
    assert {n["cpo"]["id"] for n in nodes} == {"CPO:101"}


async def test_a_finished_job_reads_its_locations_by_pages_when_that_is_cheaper(graphql, wire):
    job = (await create(graphql, *(raw(name=f"Hub {n}") for n in range(30))))["job"]
    await finished(graphql, job["id"])
    wire.sent.clear()

    await graphql.data(JOB, {"id": job["id"]})

    assert wire.calls == {
        "GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}": 1,
        "GET /ocpi/cpos/{cpo_id}/locations": 2,
    }


async def test_ids_of_created_locations_cost_no_further_call(graphql, wire):
    job = (await create(graphql, raw(), raw()))["job"]
    await finished(graphql, job["id"])
    wire.sent.clear()

    data = await graphql.data(
        "query($id: ID!) { bulkLocationJob(jobId: $id) { locations(last: 1) { totalCount nodes { id } } } }",
        {"id": job["id"]},
    )

    assert data["bulkLocationJob"]["locations"]["totalCount"] == 2
    assert wire.calls == {"GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}": 1}


async def test_a_running_job_has_no_results_yet(graphql):
    job = (await create(graphql, raw()))["job"]

    assert job["locationIds"] is None


async def test_items_that_fail_are_told_and_the_others_stand(graphql):
    job = (await create(graphql, raw(name="Good"), raw(name="Bad [fail]"), raw(name="Fine")))["job"]

    done = await finished(graphql, job["id"])

    assert done["status"] == "READY"
    assert [n["name"] for n in done["locations"]["nodes"]] == ["Good", "Fine"]
    [failure] = done["failures"]
    assert (failure["index"], failure["name"]) == (1, "Bad [fail]")
    assert failure["error"]["code"]


async def test_a_job_whose_items_all_fail_has_failed(graphql):
    job = (await create(graphql, raw(name="[fail] 1"), raw(name="[fail] 2")))["job"]

    done = await finished(graphql, job["id"])

    assert (done["status"], done["locationIds"], len(done["failures"])) == ("FAILED", [], 2)


async def test_every_mistake_is_told_at_once_and_nothing_is_sent(graphql, wire):
    payload = await create(
        graphql,
        raw(name=" ", country="fr", coordinates={"latitude": 91, "longitude": -180.5}),
        raw(timezone="Europe/Nowhere", isPublic=None, parkingType=None, chargerGroups=None),
        raw(chargerGroups=[{**GROUP, "wsUrl": "https://x", "brandSlug": "", "chargerIds": []}]),
        raw(chargerGroups=[{**GROUP, "chargerIds": ["001", "", "001"]}]),
        {"fromTemplate": {"template": "", "overrides": {"city": None, "ocppVersion": ""}}},
        idempotencyKey="",
    )

    at = "input.locations"
    assert payload["job"] is None
    assert sorted(rows(payload)) == sorted(
        [
            ("INVALID", "input.idempotencyKey"),
            ("BLANK", f"{at}.0.location.name"),
            ("INVALID", f"{at}.0.location.country"),
            ("OUT_OF_RANGE", f"{at}.0.location.coordinates.latitude"),
            ("OUT_OF_RANGE", f"{at}.0.location.coordinates.longitude"),
            ("INVALID", f"{at}.1.location.timezone"),
            ("NULL_NOT_ALLOWED", f"{at}.1.location.isPublic"),
            ("NULL_NOT_ALLOWED", f"{at}.1.location.parkingType"),
            ("NULL_NOT_ALLOWED", f"{at}.1.location.chargerGroups"),
            ("BLANK", f"{at}.2.location.chargerGroups.0.brandSlug"),
            ("INVALID", f"{at}.2.location.chargerGroups.0.wsUrl"),
            ("BLANK", f"{at}.2.location.chargerGroups.0.chargerIds"),
            ("BLANK", f"{at}.3.location.chargerGroups.0.chargerIds.1"),
            ("CONFLICT", f"{at}.3.location.chargerGroups.0.chargerIds.2"),
            ("BLANK", f"{at}.4.fromTemplate.template"),
            ("NULL_NOT_ALLOWED", f"{at}.4.fromTemplate.overrides.city"),
            ("BLANK", f"{at}.4.fromTemplate.overrides.ocppVersion"),
        ]
    )
    assert wire.sent == []


async def test_no_items_and_too_many_items_are_refused(wire: Wire):
    async with facade(wire, bulk_items_max=2) as graphql:
        assert rows(await create(graphql)) == [("BLANK", "input.locations")]
        assert rows(await create(graphql, raw(), raw(), raw())) == [("TOO_MANY", "input.locations")]
    assert wire.sent == []


async def test_an_unknown_template_is_told_with_those_there_are(graphql, wire):
    payload = await create(
        graphql, raw(), {"fromTemplate": {"template": "nope"}}, {"fromTemplate": {"template": "urban-ac-hub"}}
    )

    assert rows(payload) == [("NOT_FOUND", "input.locations.1.fromTemplate.template")]
    assert "urban-ac-hub" in payload["userErrors"][0]["message"]
    assert wire.calls == {"POST /ocpi/cpos/{cpo_id}/locations": 1, "GET /ocpp/templates/locations": 1}


async def test_an_unknown_cpo_is_told(graphql):
    variables = {"input": {"cpoId": "999", "locations": [raw()]}}

    payload = (await graphql.data(CREATE, variables))["bulkCreateLocations"]

    assert (payload["job"], rows(payload)) == (None, [("NOT_FOUND", "input.cpoId")])


async def test_what_the_gateway_refuses_leads_back_to_the_input(graphql, wire):
    complaints = [
        {
            "loc": ["body", "locations", 0, "charges", 0, "template", "ocpp_version"],
            "msg": "not this one",
            "type": "x",
        },
        {
            "loc": ["body", "locations", 1, "overrides", "coordinates", "latitude"],
            "msg": "too far",
            "type": "x",
        },
        {"loc": ["body", "locations", 0, "public"], "msg": "no", "type": "x"},
        {"loc": ["body", "locations", 0, "something_new"], "msg": "new", "type": "x"},
        {"loc": ["body"], "msg": "all of it", "type": "x"},
    ]
    wire.answer = lambda method, _t: (
        Reply(422, {}, json.dumps({"detail": complaints}).encode()) if method == "POST" else None
    )

    payload = await create(
        graphql, raw(chargerGroups=[GROUP]), {"fromTemplate": {"template": "urban-ac-hub"}}
    )

    assert [(e["code"], e["message"], ".".join(e["path"])) for e in payload["userErrors"]] == [
        ("REJECTED", "not this one", "input.locations.0.location.chargerGroups.0.ocppVersion"),
        ("REJECTED", "too far", "input.locations.1.fromTemplate.overrides.coordinates.latitude"),
        ("REJECTED", "no", "input.locations.0.location.isPublic"),
        ("REJECTED", "new", "input.locations.0.location"),
        ("REJECTED", "all of it", "input"),
    ]


async def test_an_idempotency_key_reaches_the_gateway(graphql, wire):
    payload = await create(graphql, raw(), idempotencyKey="k-1")

    assert payload["job"]
    assert [h.get("Idempotency-Key") for h in wire.headers] == ["k-1"]


async def test_a_key_in_use_is_told(graphql, wire):
    wire.answer = lambda _m, _t: Reply(409, {}, b'{"detail":"in flight"}')

    assert rows(await create(graphql, raw(), idempotencyKey="k")) == [
        ("IDEMPOTENCY_KEY_IN_USE", "input.idempotencyKey")
    ]


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (TransportFailed("connection lost", sent=True), "OUTCOME_UNKNOWN", False),
        (TransportFailed("no connection", sent=False), "GATEWAY_UNAVAILABLE", True),
        (Reply(500, {}, b"oops"), "OUTCOME_UNKNOWN", False),
        (Reply(503, {}, b'{"detail":"no engine"}'), "GATEWAY_UNAVAILABLE", True),
        (Reply(429, {"retry-after": "2"}, b""), "GATEWAY_RATE_LIMITED", True),
        (Reply(202, {}, b"nonsense"), "OUTCOME_UNKNOWN", False),
        (Reply(403, {}, b""), "FORBIDDEN", False),
    ],
)
async def test_a_post_is_sent_once_whatever_happens(graphql, wire, answer, code, retryable):
    wire.answer = lambda _method, _target: answer

    body = await graphql(CREATE, {"input": {"cpoId": "101", "locations": [raw()]}})

    assert body["data"] == {"bulkCreateLocations": None}
    [error] = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == (code, retryable)
    assert error["path"] == ["bulkCreateLocations"]
    assert len(wire.sent) == 1


async def test_an_answer_that_never_comes_is_an_unknown_outcome_within_the_deadline(wire: Wire):
    wire.delay_s = 30
    async with facade(wire, operation_timeout_s=0.05) as graphql:
        errors = await graphql.errors(CREATE, {"input": {"cpoId": "101", "locations": [raw()]}})

    assert errors == [("OUTCOME_UNKNOWN", ["bulkCreateLocations"])]
    assert len(wire.sent) == 1


async def test_one_failing_mutation_leaves_the_next_alone(graphql):
    body = await graphql(
        "mutation($a: BulkCreateLocationsInput!, $b: BulkCreateLocationsInput!) {"
        " a: bulkCreateLocations(input: $a) { userErrors { code } }"
        " b: bulkCreateLocations(input: $b) { job { status } userErrors { code } } }",
        {"a": {"cpoId": "bad", "locations": [raw()]}, "b": {"cpoId": "101", "locations": [raw()]}},
    )

    assert [(e["extensions"]["code"], e["path"]) for e in body["errors"]] == [("BAD_USER_INPUT", ["a"])]
    assert body["data"]["a"] is None
    assert body["data"]["b"]["userErrors"] == []


async def test_both_kinds_of_item_at_once_are_no_item(graphql):
    response = await graphql.http.post(
        "/graphql",
        json={
            "query": CREATE,
            "variables": {
                "input": {
                    "cpoId": "101",
                    "locations": [{**raw(), "fromTemplate": {"template": "urban-ac-hub"}}],
                }
            },
        },
        headers={"authorization": "Bearer demo"},
    )

    assert [e["extensions"]["code"] for e in response.json()["errors"]] == ["BAD_USER_INPUT"]
