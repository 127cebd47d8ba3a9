"""The OCPP messages of a charger and their filters."""

import json

import pytest

ONLY_READS = True

PATH = "/ocpp/chargers/dep-7/logs"


async def entries(gateway, **query):
    body = (await gateway.get(PATH, params={"limit": 1000, **query})).json()
    assert body["total"] == len(body["data"])
    return body["data"]


async def test_every_charger_has_20_to_60_messages_in_order_of_time(gateway):
    for number in (1, 7, 20, 500, 1000):
        body = (await gateway.get(f"/ocpp/chargers/dep-{number}/logs?limit=1000")).json()
        assert 20 <= body["total"] == len(body["data"]) <= 60
        moments = [row["timestamp"] for row in body["data"]]
        assert moments == sorted(moments)
        assert body["data"][0]["action"] == "BootNotification"


async def test_a_message_is_an_ocpp_frame(gateway):
    for row in await entries(gateway):
        frame = json.loads(row["message"])
        assert frame[0] == (2 if row["direction"] == "cp_to_csms" else 3)
        assert row["action"] == frame[2] or frame[0] == 3


async def test_the_log_is_the_same_whenever_it_is_read(gateway):
    assert await entries(gateway) == await entries(gateway)


async def test_an_event_keeps_its_action_only(gateway):
    every = await entries(gateway)
    beats = await entries(gateway, event="Heartbeat")

    assert beats == [row for row in every if row["action"] == "Heartbeat"]
    assert beats
    assert await entries(gateway, event="heartbeat") == []


async def test_both_dates_are_inclusive(gateway):
    every = await entries(gateway)
    first, last = every[4]["timestamp"], every[12]["timestamp"]
    kept = await entries(gateway, start_date=first, end_date=last)

    assert kept == [row for row in every if first <= row["timestamp"] <= last]


async def test_a_bare_date_covers_its_whole_day_and_an_offset_is_understood(gateway):
    every = await entries(gateway)
    day = every[0]["timestamp"][:10]
    same_day = [row for row in every if row["timestamp"][:10] == day]

    assert await entries(gateway, start_date=day, end_date=day) == same_day
    hour = every[0]["timestamp"].replace("Z", "")
    assert await entries(gateway, start_date=f"{hour}+00:00") == every
    assert await entries(gateway, end_date=f"{hour}+12:00") == []


async def test_limit_and_offset_cut_a_window(gateway):
    every = await entries(gateway)
    body = (await gateway.get(f"{PATH}?limit=5&offset=3")).json()

    assert body == {"data": every[3:8], "total": len(every), "limit": 5, "offset": 3}
    huge = (await gateway.get(f"{PATH}?offset={10**30}")).json()
    assert (huge["data"], huge["total"], huge["offset"]) == ([], len(every), 10**30)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "offset=-1", "start_date=x", "end_date=2025-13-01", "end_date="]
)
async def test_a_filter_out_of_bounds_is_422(gateway, query):
    answer = await gateway.get(f"{PATH}?{query}")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


async def test_an_unknown_charger_has_no_messages(gateway):
    body = (await gateway.get("/ocpp/chargers/dep-9999/logs")).json()

    assert body == {"data": [], "total": 0, "limit": 100, "offset": 0}
