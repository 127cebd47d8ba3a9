"""Bulk creation: what is accepted, what becomes of it, and keys that make a repetition harmless."""

import asyncio
from typing import Any

import pytest

from ocpplab_graphql.sandbox import SandboxConfig, replies
from tests.sandbox.conftest import only_reads

PATH = "/ocpi/cpos/101/locations"

GROUP: dict[str, Any] = {
    "template": {
        "brand_slug": "alfen",
        "model_slug": "eve-double-pro-line",
        "connector_type": "Type2",
        "ocpp_version": "OCPP1.6",
        "ws_url": "wss://csms.example.com/ocpp",
        "identity_prefix": "SITE_A_",
    },
    "charger_ids": ["001", "002"],
}


async def submit(gateway, *items, key=None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return await gateway.post(PATH, json={"locations": list(items)}, headers=headers)


async def created(gateway, finished, *items):
    """The locations that a job made, in the order of its items."""
    accepted = (await submit(gateway, *items)).json()
    job = await finished(gateway, accepted["status_url"])
    return [(await gateway.get(f"{PATH}/{one}")).json() for one in job["results"]["location_ids"]]


async def test_a_job_is_accepted_followed_and_leaves_its_locations(gateway, finished, item):
    answer = await submit(gateway, item("One", charges=[GROUP], timezone="Europe/Paris"), item("Two"))

    assert answer.status_code == 202
    accepted = answer.json()
    replies.BulkAccepted.model_validate(accepted)
    assert accepted["status_url"] == f"{PATH}/jobs/{accepted['job_id']}"
    job = await finished(gateway, accepted["status_url"])
    replies.Job.model_validate(job)
    assert (job["status"], job["error"], job["results"]["failed"]) == ("READY", None, [])
    assert job["provisioned_at"]
    listed = (await gateway.get(f"{PATH}?limit=100&page=2")).json()
    assert listed["total"] == 122
    assert [row["id"] for row in listed["data"][-2:]] == job["results"]["location_ids"]
    assert [row["name"] for row in listed["data"][-2:]] == ["One", "Two"]


async def test_created_chargers_have_full_records_and_are_counted(gateway, finished, item):
    before = (await gateway.get("/ocpi/cpos/101")).json()["topology"]
    [location] = await created(gateway, finished, item(charges=[GROUP]))

    assert [unit["identity"] for unit in location["chargers"]] == ["SITE_A_001", "SITE_A_002"]
    full = (await gateway.get(f"/ocpp/locations/{location['ocpp_location_id']}/chargers")).json()
    assert full["total"] == 2
    [first, _] = full["data"]
    replies.Charger.model_validate(first)
    assert (first["vendor_name"], first["max_charging_power"]) == ("Alfen", 22_000)
    assert (await gateway.get(f"/ocpp/chargers/{first['id']}")).json() == first
    assert (await gateway.get(f"/ocpp/chargers/{first['id']}/status")).json()["status"] == "READY"
    after = (await gateway.get("/ocpi/cpos/101")).json()["topology"]
    assert {name: after[name] - before[name] for name in after} == {
        "locations": 1,
        "chargers": 2,
        "evses": 4,
        "connectors": 4,
    }
    assert (await gateway.get("/ocpp/chargers?limit=1")).json()["total"] == 1002


async def test_a_template_that_occurs_several_times_gets_distinct_identities(gateway, finished):
    slug = "residential-ac-single"
    rows = await created(
        gateway,
        finished,
        {"template": slug},
        {"template": slug, "overrides": {"identity_prefix": "OWN_"}},
        {"template": slug, "overrides": {"name": "Mine"}},
        {"template": "highway-dc-station"},
    )

    identities = [[unit["identity"] for unit in row["chargers"]] for row in rows]
    assert identities == [
        ["L01_RESIDENTIAL_AC_001"],
        ["OWN_001"],
        ["L02_RESIDENTIAL_AC_001"],
        [f"HIGHWAY_DC_{n:03d}" for n in range(1, 5)],
    ]


async def test_overrides_merge_into_the_template(gateway, finished):
    overrides = {
        "name": "Mine",
        "city": "Gent",
        "country": "BE",
        "coordinates": {"latitude": 51, "longitude": 3.7},
        "owner_name": None,
        "public": False,
        "ocpp_version": "OCPP2.0.1",
        "identity_prefix": "X_",
        "colour": "ignored",
    }
    [row] = await created(gateway, finished, {"template": "retail-mixed-park", "overrides": overrides})

    assert (row["name"], row["city"], row["country"], row["public"]) == ("Mine", "Gent", "BE", False)
    assert row["coordinates"] == {"latitude": 51.0, "longitude": 3.7}
    assert row["owner_name"] is None
    assert row["address"] == "25 Stationsplein"
    assert [unit["identity"] for unit in row["chargers"]] == [f"X_{n:03d}" for n in range(1, 7)]
    assert {unit["ocpp_version"] for unit in row["chargers"]} == {"OCPP2.0.1"}


async def test_an_item_named_to_fail_fails_and_the_others_are_made(gateway, finished, item):
    accepted = (await submit(gateway, item("A"), item("B [fail]"), item("C"))).json()
    job = await finished(gateway, accepted["status_url"])

    assert job["status"] == "READY"
    assert len(job["results"]["location_ids"]) == 2
    [failed] = job["results"]["failed"]
    assert (failed["index"], failed["name"]) == (1, "B [fail]")
    assert (failed["error"]["code"], failed["error"]["retryable"]) == ("simulated_failure", False)
    replies.Job.model_validate(job)


async def test_a_job_of_which_nothing_is_made_has_failed(gateway, finished, item):
    accepted = (await submit(gateway, item("[fail] A"), item("B[fail]"))).json()
    job = await finished(gateway, accepted["status_url"])

    assert (job["status"], job["results"]["location_ids"]) == ("FAILED", [])
    assert job["error"]["code"] == "all_items_failed"
    assert [row["index"] for row in job["results"]["failed"]] == [0, 1]
    replies.Job.model_validate(job)


async def test_each_item_is_visible_as_soon_as_it_is_made(running, database, item):
    async with running(SandboxConfig(database, step_delay_ms=60)) as gateway:
        accepted = (await submit(gateway, *[item(f"n{n}") for n in range(6)])).json()
        totals = set()
        while (job := (await gateway.get(accepted["status_url"])).json())["status"] == "PROVISIONING":
            assert job["results"] is None
            totals.add((await gateway.get(f"{PATH}?limit=1")).json()["total"])
            await asyncio.sleep(0.01)

    assert job["status"] == "READY"
    assert len(totals) > 3


@only_reads
@pytest.mark.parametrize(
    ("change", "loc", "kind"),
    [
        ({"coordinates": {"latitude": 91, "longitude": 0}}, ["coordinates", "latitude"], "less_than_equal"),
        ({"coordinates": {"latitude": "48", "longitude": 0}}, ["coordinates", "latitude"], "float_type"),
        ({"coordinates": {"latitude": 1}}, ["coordinates", "longitude"], "missing"),
        ({"coordinates": None}, ["coordinates"], "model_attributes_type"),
        ({"name": ""}, ["name"], "string_too_short"),
        ({"name": "x" * 256}, ["name"], "string_too_long"),
        ({"name": 5}, ["name"], "string_type"),
        ({"name": "a\u0000b"}, ["name"], "string_nul"),
        ({"country": "France"}, ["country"], "string_pattern_mismatch"),
        ({"public": "yes"}, ["public"], "bool_type"),
        ({"parking_type": "ROOF"}, ["parking_type"], "literal_error"),
        ({"charges": [{"charger_ids": []}]}, ["charges", 0, "template"], "missing"),
        (
            {"charges": [GROUP, {**GROUP, "template": {**GROUP["template"], "ocpp_version": "OCPP9"}}]},
            ["charges", 1, "template", "ocpp_version"],
            "literal_error",
        ),
    ],
)
async def test_a_mistake_in_a_raw_item_is_422_at_its_exact_place(gateway, item, change, loc, kind):
    answer = await submit(gateway, item(), item(), item(), item(**change))

    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (["body", "locations", 3, *loc], kind)
    replies.ValidationFailure.model_validate(answer.json())


@only_reads
async def test_a_mistake_in_a_template_item_points_at_its_override(gateway, item):
    wrong = {"template": "urban-ac-hub", "overrides": {"coordinates": {"latitude": -91, "longitude": 0}}}
    answer = await submit(gateway, item(), wrong)

    [error] = answer.json()["detail"]
    assert error["loc"] == ["body", "locations", 1, "overrides", "coordinates", "latitude"]
    assert (error["input"], error["ctx"]) == (-91, {"ge": -90.0})


@only_reads
async def test_all_mistakes_are_told_at_once(gateway, item):
    answer = await submit(gateway, item(name=""), {"template": 5}, item(country="x"), {})

    locs = [error["loc"][2:] for error in answer.json()["detail"]]
    assert locs[:3] == [[0, "name"], [1, "template"], [2, "country"]]
    assert [loc for loc in locs if loc[0] == 3] == [
        [3, field] for field in ("name", "address", "city", "country", "coordinates")
    ]


@only_reads
@pytest.mark.parametrize(
    "body", [{}, {"locations": []}, {"locations": None}, {"locations": "x"}, [], "x", None]
)
async def test_a_body_of_another_shape_is_422(gateway, body):
    answer = await gateway.post(PATH, json=body)

    assert answer.status_code == 422
    replies.ValidationFailure.model_validate(answer.json())


@only_reads
@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"locations":[NaN]}',
        b'{"locations":[1e999]}',
        b'{"locations":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"locations":[{"name":"\\ud800"}]}',
        b"",
    ],
)
async def test_a_body_that_is_no_sensible_json_is_refused(gateway, text):
    answer = await gateway.post(PATH, content=text, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    replies.ValidationFailure.model_validate(answer.json())


@only_reads
async def test_a_body_of_more_than_8_mib_is_413(gateway):
    async def parts():
        for _ in range(9):
            yield b" " * 1024 * 1024

    headers = {"Content-Type": "application/json"}
    announced = await gateway.post(PATH, content=b" " * (8 * 1024 * 1024 + 1), headers=headers)
    streamed = await gateway.post(PATH, content=parts(), headers=headers)

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert "8388608" in streamed.json()["detail"]


@only_reads
async def test_a_thousand_items_are_the_most(gateway, item):
    answer = await submit(gateway, *[item()] * 1001)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "too_long"


@only_reads
async def test_what_does_not_exist_is_400_and_named_with_its_item(gateway, item):
    answer = await submit(gateway, item(), {"template": "nope"}, item(timezone="Mars/Olympus"))

    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "locations[1]: unknown template 'nope'; locations[2]: unknown IANA time zone 'Mars/Olympus'"
    )


@only_reads
async def test_an_unknown_cpo_is_404(gateway, item):
    answer = await gateway.post("/ocpi/cpos/999/locations", json={"locations": [item()]})

    assert answer.status_code == 404


async def test_the_same_key_and_body_gives_the_first_answer_and_one_job(gateway, finished, item):
    first = await submit(gateway, item("K"), key="k1")
    again = await submit(gateway, item("K"), key="k1")
    await finished(gateway, first.json()["status_url"])
    later = await submit(gateway, item("K"), key="k1")

    assert first.content == again.content == later.content
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert (await gateway.get(f"{PATH}?limit=1")).json()["total"] == 121


async def test_the_spelling_of_a_body_does_not_matter_to_its_key(gateway, item):
    first = await submit(gateway, item("K"), key="k1")
    turned = dict(reversed(item("K").items()))

    assert (await submit(gateway, turned, key="k1")).content == first.content


async def test_a_key_with_another_body_or_cpo_is_422(gateway, item):
    await submit(gateway, item("K"), key="k1")
    other = await submit(gateway, item("L"), key="k1")
    elsewhere = await gateway.post(
        "/ocpi/cpos/102/locations", json={"locations": [item("K")]}, headers={"Idempotency-Key": "k1"}
    )

    assert (other.status_code, elsewhere.status_code) == (422, 422)
    assert other.json()["detail"][0]["loc"] == ["header", "idempotency-key"]


async def test_a_refused_request_does_not_use_up_its_key(gateway, item):
    assert (await submit(gateway, {"template": "nope"}, key="k1")).status_code == 400
    assert (await submit(gateway, item(), key="k1")).status_code == 202


async def test_many_at_once_with_one_key_make_one_job(gateway, finished, item):
    answers = await asyncio.gather(*(submit(gateway, item("K"), key="k1") for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    jobs = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
    assert len(jobs) == 1
    await finished(gateway, f"{PATH}/jobs/{jobs.pop()}")
    assert (await gateway.get(f"{PATH}?limit=1")).json()["total"] == 121


async def test_without_a_key_every_request_is_a_job(gateway, item):
    answers = [(await submit(gateway, item())).json()["job_id"] for _ in range(2)]

    assert len(set(answers)) == 2


async def test_several_jobs_go_on_side_by_side(gateway, finished, item):
    accepted = [(await submit(gateway, *[item(f"j{n}")] * 20)).json() for n in range(5)]
    ids = []
    for each in accepted:
        ids += (await finished(gateway, each["status_url"]))["results"]["location_ids"]

    assert len(ids) == len(set(ids)) == 100


async def test_a_job_of_another_tenant_is_404_and_cannot_be_submitted(gateway, item):
    accepted = (await gateway.post("/ocpi/cpos/101/locations", json={"locations": [item()]})).json()

    assert (await gateway.get(accepted["status_url"])).status_code == 200
    assert (
        await gateway.get(accepted["status_url"], headers={"Authorization": "Bearer org-other"})
    ).status_code == 404
    assert (await gateway.get(accepted["status_url"].replace("101", "102"))).status_code == 404
    refused = await gateway.post(
        "/ocpi/cpos/101/locations",
        json={"locations": [item()]},
        headers={"Authorization": "Bearer org-other"},
    )
    assert refused.status_code == 404
