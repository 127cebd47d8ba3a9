"""A CPO's life: created from a template, provisioned, shown without its secrets, deleted or expired."""

import asyncio
import json
import logging
import time

import pytest

from ocpplab_graphql.sandbox import SandboxConfig, replies
from tests.sandbox.conftest import only_reads

ASKED = {"template": "small-urban-ac", "country_code": "FR", "party_id": "ABC", "name_prefix": "demo"}


async def create(gateway, *, key=None, token=None, **changes):
    headers = {"Idempotency-Key": key} if key else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await gateway.post("/ocpi/cpos", json={**ASKED, **changes}, headers=headers)


async def provisioned(gateway, answer):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        status = (await gateway.get(answer.json()["status_url"])).json()
        replies.CpoStatus.model_validate(status)
        if status["status"] in ("READY", "FAILED"):
            return status
        await asyncio.sleep(0.01)
    raise AssertionError("the CPO is not provisioned")


async def content(gateway, cpo_id):
    """What a CPO consists of, but for ids, identities' prefix and times."""
    rows = (await gateway.get(f"/ocpi/cpos/{cpo_id}/locations?limit=100")).json()["data"]
    for row in rows:
        for name in ("id", "ocpp_location_id", "organization_id", "created_at", "updated_at"):
            row.pop(name)
        for unit in row["chargers"]:
            unit.pop("id")
            unit["identity"] = unit["identity"].partition("_")[2]
    return rows


async def test_a_cpo_is_accepted_provisioned_and_then_shown_without_its_secrets(gateway):
    answer = await create(gateway)
    accepted = answer.json()

    assert (answer.status_code, answer.headers["cache-control"]) == (202, "no-store")
    replies.CpoAccepted.model_validate(accepted)
    assert accepted["party"] == {"country_code": "FR", "party_id": "ABC", "role": "CPO"}
    assert (accepted["status"], accepted["template_version"]) == ("PENDING", 1)
    assert accepted["roam_helper"]["credentials_payload"]["token"] == accepted["token_a"]
    assert accepted["token_a"] in accepted["roam_helper"]["curl_snippet"]
    status = await provisioned(gateway, answer)
    assert (status["status"], status["error"], status["progress"]) == ("READY", None, None)
    assert status["workflow_run_id"] == accepted["workflow_run_id"]
    assert status["provisioned_at"]
    shown = (await gateway.get(f"/ocpi/cpos/{accepted['cpo_id']}")).json()
    replies.Cpo.model_validate(shown)
    assert (shown["token_a"], shown["roam_helper"]) == (None, None)
    assert shown["topology"] == {"locations": 2, "chargers": 6, "evses": 6, "connectors": 6} or (
        shown["topology"]["evses"] == shown["topology"]["connectors"] >= 6
    )
    assert shown["expires_at"] == accepted["expires_at"]
    listed = (await gateway.get("/ocpi/cpos")).json()
    assert [row["cpo_id"] for row in listed["data"]][-1] == accepted["cpo_id"]
    assert accepted["token_a"] not in json.dumps(listed)
    report = (await gateway.get(f"/ocpi/cpos/{accepted['cpo_id']}/report")).json()["markdown"]
    assert accepted["token_a"] in report


async def test_provisioning_goes_from_pending_over_provisioning_to_ready_and_tells_its_step(
    running, database
):
    async with running(SandboxConfig(database, step_delay_ms=150)) as gateway:
        answer = await create(gateway)
        seen = []
        while not seen or seen[-1][0] not in ("READY", "FAILED"):
            status = (await gateway.get(answer.json()["status_url"])).json()
            state = (status["status"], (status["progress"] or {}).get("current_step"))
            if not seen or seen[-1] != state:
                seen.append(state)
            await asyncio.sleep(0.01)

    assert seen == [("PENDING", None), ("PROVISIONING", "create_locations"), ("READY", None)]


async def test_a_prefix_that_is_marked_makes_the_provisioning_fail_and_say_why(gateway):
    status = await provisioned(gateway, await create(gateway, name_prefix="x [fail]"))

    assert status["status"] == "FAILED"
    assert status["provisioned_at"] is None
    error = status["error"]
    assert (error["code"], error["step"], error["param"], error["retryable"]) == (
        "simulated_failure",
        "create_location",
        "name_prefix",
        False,
    )


async def test_the_same_seed_and_template_give_the_same_content(gateway):
    answers = [
        await create(gateway, seed=7),
        await create(gateway, seed=7, country_code="DE", name_prefix="other"),
        await create(gateway, seed=8),
        await create(gateway),
        await create(gateway),
    ]
    for answer in answers:
        await provisioned(gateway, answer)
    first, same, *others = [await content(gateway, a.json()["cpo_id"]) for a in answers]

    assert first == same
    assert all(other != first for other in others)
    assert others[1] != others[2]


async def test_every_identity_begins_with_the_name_prefix_and_occurs_once(gateway):
    answer = await create(gateway, name_prefix="lab", overrides={"locations": 5})
    await provisioned(gateway, answer)
    rows = (await gateway.get(f"/ocpi/cpos/{answer.json()['cpo_id']}/locations")).json()["data"]

    identities = [unit["identity"] for row in rows for unit in row["chargers"]]
    assert len(set(identities)) == len(identities) == 15
    assert all(identity.startswith("lab_") for identity in identities)


@pytest.mark.parametrize(
    ("template", "overrides", "locations", "chargers"),
    [
        ("small-urban-ac", None, 2, 6),
        ("highway-dc", None, 3, 6),
        ("mixed-depot", None, 1, 6),
        ("mixed-depot", {"locations": 3}, 3, 18),
        ("highway-dc", {"chargers_per_location": 5, "locations": None}, 3, 15),
        ("small-urban-ac", {"locations": 50, "chargers_per_location": 24}, 50, 1200),
    ],
)
async def test_counts_are_the_templates_unless_overridden(gateway, template, overrides, locations, chargers):
    answer = await create(gateway, template=template, overrides=overrides)
    await provisioned(gateway, answer)
    topology = (await gateway.get(f"/ocpi/cpos/{answer.json()['cpo_id']}")).json()["topology"]

    assert (topology["locations"], topology["chargers"]) == (locations, chargers)


@only_reads
@pytest.mark.parametrize(
    ("change", "loc", "kind"),
    [
        ({"overrides": {"locations": 51}}, ["overrides", "locations"], "less_than_equal"),
        ({"overrides": {"locations": 0}}, ["overrides", "locations"], "greater_than_equal"),
        (
            {"template": "mixed-depot", "overrides": {"locations": 11}},
            ["overrides", "locations"],
            "less_than_equal",
        ),
        (
            {"overrides": {"chargers_per_location": 25}},
            ["overrides", "chargers_per_location"],
            "less_than_equal",
        ),
        ({"country_code": "France"}, ["country_code"], "string_pattern_mismatch"),
        ({"party_id": "AB"}, ["party_id"], "string_pattern_mismatch"),
        ({"party_id": None}, ["party_id"], "string_type"),
        ({"name_prefix": ""}, ["name_prefix"], "string_too_short"),
        ({"role": "CPO"}, ["role"], "literal_error"),
        ({"seed": "7"}, ["seed"], "int_type"),
        ({"ttl_seconds": 59}, ["ttl_seconds"], "greater_than_equal"),
        ({"ttl_seconds": 604_801}, ["ttl_seconds"], "less_than_equal"),
    ],
)
async def test_a_mistake_is_422_at_its_exact_place(gateway, change, loc, kind):
    answer = await create(gateway, **change)

    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (["body", *loc], kind)
    replies.ValidationFailure.model_validate(answer.json())


@only_reads
async def test_an_unknown_template_is_404(gateway):
    answer = await create(gateway, template="nope")

    assert (answer.status_code, answer.json()) == (404, {"detail": "CPO template 'nope' not found"})


async def test_a_party_that_the_organization_has_is_altered(gateway):
    parties = [(await create(gateway, party_id="abZ")).json()["party"]["party_id"] for _ in range(3)]
    elsewhere = (await create(gateway, party_id="ABZ", country_code="DE")).json()["party"]["party_id"]
    others = (await create(gateway, party_id="ABZ", token="org-other")).json()["party"]["party_id"]

    assert parties == ["ABZ", "AC0", "AC1"]
    assert (elsewhere, others) == ("ABZ", "ABZ")


async def test_many_at_once_get_different_parties(gateway):
    answers = await asyncio.gather(*(create(gateway) for _ in range(12)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["party"]["party_id"] for answer in answers}) == 12


async def test_a_key_that_comes_again_gives_the_first_answer_with_its_secrets_while_the_cpo_lives(gateway):
    first = await create(gateway, key="k")
    again = await create(gateway, key="k")
    other = await create(gateway, key="k", seed=1)

    assert again.content == first.content
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert other.status_code == 422
    assert other.json()["detail"][0]["loc"] == ["header", "idempotency-key"]
    await gateway.delete(f"/ocpi/cpos/{first.json()['cpo_id']}")
    late = (await create(gateway, key="k")).json()
    assert (late["token_a"], late["roam_helper"]) == (None, None)
    assert late == {**first.json(), "token_a": None, "roam_helper": None}


async def test_a_stored_answer_holds_no_secret(gateway, database, sql):
    token = (await create(gateway, key="k")).json()["token_a"]

    [[answer]] = sql(database, "select answer from idempotency_keys")
    assert token not in answer


async def test_a_key_of_another_route_or_organization_is_another_key(gateway, item):
    cpo = await create(gateway, key="k")
    bulk = await gateway.post(
        "/ocpi/cpos/101/locations", json={"locations": [item()]}, headers={"Idempotency-Key": "k"}
    )
    others = await create(gateway, key="k", token="org-other")

    assert [a.status_code for a in (cpo, bulk, others)] == [202, 202, 202]
    assert cpo.json()["cpo_id"] != others.json()["cpo_id"]


async def test_no_secret_is_ever_logged(gateway, caplog):
    caplog.set_level(logging.DEBUG)
    answer = await create(gateway)
    await provisioned(gateway, answer)
    await gateway.get(f"/ocpi/cpos/{answer.json()['cpo_id']}/report")

    ours = [r.getMessage() for r in caplog.records if r.name.startswith("ocpplab")]
    assert answer.json()["token_a"] not in " ".join(ours)


async def test_deleting_takes_everything_along_and_may_be_repeated(gateway, finished, item, database, sql):
    accepted = (await gateway.post("/ocpi/cpos/103/locations", json={"locations": [item()]})).json()
    await finished(gateway, accepted["status_url"])
    location = (await gateway.get("/ocpi/cpos/103/locations?limit=1")).json()["data"][0]
    unit = location["chargers"][0]["id"]
    total = (await gateway.get("/ocpp/chargers?limit=1")).json()["total"]
    gone = (await gateway.get("/ocpi/cpos/103")).json()["topology"]["chargers"]

    answers = [await gateway.delete("/ocpi/cpos/103") for _ in range(2)]
    assert [(a.status_code, a.content) for a in answers] == [(204, b""), (204, b"")]
    for path in (
        "/ocpi/cpos/103",
        "/ocpi/cpos/103/status",
        "/ocpi/cpos/103/report",
        "/ocpi/cpos/103/locations",
        f"/ocpi/cpos/103/locations/{location['id']}",
        accepted["status_url"],
        f"/ocpp/chargers/{unit}",
        f"/ocpp/locations/{location['ocpp_location_id']}/chargers",
    ):
        assert (await gateway.get(path)).status_code == 404, path
    assert (await gateway.get("/ocpp/chargers?limit=1")).json()["total"] == total - gone
    for table in ("locations", "jobs"):
        assert sql(database, f"select count(*) from {table} where cpo_id = 103") == [["0"]]  # noqa: S608
    assert sql(database, "select count(*) from job_items") == [["0"]]


@only_reads
@pytest.mark.parametrize("cpo_id", ["999", "0", "9" * 60])
async def test_deleting_what_never_was_is_204(gateway, cpo_id):
    assert (await gateway.delete(f"/ocpi/cpos/{cpo_id}")).status_code == 204


async def test_a_cpo_deleted_while_its_job_runs_ends_the_job(running, database, item, sql):
    async with running(SandboxConfig(database, step_delay_ms=5)) as gateway:
        items = [item(f"n{n}") for n in range(50)]
        await gateway.post("/ocpi/cpos/101/locations", json={"locations": items})
        await asyncio.sleep(0.05)
        assert (await gateway.delete("/ocpi/cpos/101")).status_code == 204
        await asyncio.sleep(0.3)
        accepted = (await gateway.post("/ocpi/cpos/102/locations", json={"locations": [item()]})).json()
        for _ in range(500):
            if (await gateway.get(accepted["status_url"])).json()["status"] == "READY":
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the next job is stuck")

    assert sql(database, "select count(*) from jobs where cpo_id = 101") == [["0"]]


EXPIRED = "update cpos set expires_at = '2026-01-01T00:00:00Z' where id = 102"


async def test_an_expired_cpo_is_gone_for_every_route_before_it_is_removed(
    gateway, database, sql, monkeypatch
):
    from ocpplab_graphql.sandbox.jobs import worker

    async def never(_database):
        """The rows stay where they are."""

    monkeypatch.setattr(worker, "reap", never)
    location = (await gateway.get("/ocpi/cpos/102/locations?limit=1")).json()["data"][0]
    unit = location["chargers"][0]["id"]
    gone = (await gateway.get("/ocpi/cpos/102")).json()["topology"]["chargers"]
    await asyncio.sleep(0.05)
    sql(database, EXPIRED)

    for path in (
        "/ocpi/cpos/102",
        "/ocpi/cpos/102/status",
        "/ocpi/cpos/102/report",
        "/ocpi/cpos/102/locations",
        f"/ocpi/cpos/102/locations/{location['id']}",
        f"/ocpp/chargers/{unit}",
        f"/ocpp/chargers/{unit}/status",
        f"/ocpp/locations/{location['ocpp_location_id']}/chargers",
    ):
        assert (await gateway.get(path)).status_code == 404, path
    assert [row["cpo_id"] for row in (await gateway.get("/ocpi/cpos")).json()["data"]] == ["101", "103"]
    ids = []
    for page in range(1, 12):
        body = (await gateway.get(f"/ocpp/chargers?limit=100&page={page}")).json()
        ids += [row["id"] for row in body["data"]]
    assert body["total"] == len(ids) == len(set(ids)) == 1000 - gone
    assert unit not in ids
    assert (await gateway.get(f"/ocpp/chargers/{unit}/logs")).json()["total"] == 0
    listed = (await gateway.get(f"/ocpp/chargers?location_id={location['ocpp_location_id']}")).json()
    assert listed["total"] == 0


async def test_an_expired_cpo_destroys_itself(gateway, database, sql):
    sql(database, EXPIRED)
    end = time.monotonic() + 5
    while sql(database, "select count(*) from cpos") != [["2"]]:
        assert time.monotonic() < end, "the expired CPO is still there"
        await asyncio.sleep(0.05)

    assert sql(database, "select count(*) from locations where cpo_id = 102") == [["0"]]


async def test_the_party_of_an_expired_cpo_is_free(gateway, database, sql):
    first = await create(gateway, party_id="QQQ")
    sql(database, EXPIRED.replace("102", first.json()["cpo_id"]))

    assert (await create(gateway, party_id="QQQ")).json()["party"]["party_id"] == "QQQ"


@pytest.mark.parametrize(("ttl", "seconds"), [({}, 3600), ({"ttl_seconds": 60}, 60)])
async def test_the_moment_of_self_destruction_follows_from_ttl_seconds(gateway, ttl, seconds):
    from datetime import datetime, timedelta

    answer = (await create(gateway, **ttl)).json()
    cpo = (await gateway.get(f"/ocpi/cpos/{answer['cpo_id']}")).json()

    created, expires = (datetime.fromisoformat(cpo[name]) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(seconds=seconds)


async def test_an_explicit_null_ttl_is_never(gateway):
    assert (await create(gateway, ttl_seconds=None)).json()["expires_at"] is None


async def test_keys_are_forgotten_after_a_day(gateway, database, sql):
    await create(gateway, key="k")
    sql(database, "update idempotency_keys set created_at = '2026-01-01T00:00:00Z'")
    end = time.monotonic() + 5
    while sql(database, "select count(*) from idempotency_keys") != [["0"]]:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
