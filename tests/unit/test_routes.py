"""What is sent: exact targets, and ids that stay in their segment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.gateway import routes

MOMENT = datetime(2026, 4, 16, 10, 15, 30, tzinfo=UTC)
PARIS = MOMENT.astimezone(timezone(timedelta(hours=2)))

TARGETS = {
    "/ocpi/cpos?page=2&limit=7": routes.list_cpos(2, 7),
    "/ocpi/cpos/101": routes.cpo("101"),
    "/ocpi/cpos/101/status": routes.cpo_status("101"),
    "/ocpi/cpos/101/report": routes.cpo_report("101"),
    "/ocpi/cpos/101/locations?page=1&limit=100": routes.list_locations("101", 1, 100),
    "/ocpi/cpos/101/locations/loc-1": routes.location("101", "loc-1"),
    "/ocpi/cpos/101/locations/jobs/4f6b": routes.location_job("101", "4f6b"),
    "/ocpi/templates/cpos": routes.cpo_templates(),
    "/ocpp/templates/locations": routes.location_templates(None, None),
    "/ocpp/templates/locations?type=AC-DC&ocpp_version=OCPP1.6": routes.location_templates(
        "AC-DC", "OCPP1.6"
    ),
    "/ocpp/chargers?page=1&limit=1": routes.list_chargers(None, 1, 1),
    "/ocpp/chargers?location_id=a%26page%3D9&page=1&limit=1": routes.list_chargers("a&page=9", 1, 1),
    "/ocpp/chargers/dep-1": routes.charger("dep-1"),
    "/ocpp/chargers/dep-1/status": routes.charger_status("dep-1"),
    "/ocpp/chargers/dep-1/logs?limit=10&offset=0": routes.charger_logs("dep-1", 0, 10, None, None, None),
    "/ocpp/chargers/d/logs?start_date=2026-04-16T10%3A15%3A30Z&end_date=2026-04-16T12%3A15%3A30%2B02%3A00"
    "&event=Boot%20Notification&limit=1000&offset=5": routes.charger_logs(
        "d", 5, 1000, MOMENT, PARIS, "Boot Notification"
    ),
    "/ocpp/locations/o-1/chargers?page=1&limit=100&charger_ids=a&charger_ids=b%23c": routes.location_chargers(
        "o-1", ("a", "b#c")
    ),
}


@pytest.mark.parametrize("target", TARGETS)
def test_each_route_has_exactly_this_target(target):
    request = TARGETS[target]

    assert request.target == target
    assert (request.method, request.is_read, request.body) == ("GET", True, None)


def test_a_bulk_creation_is_a_post_that_is_no_read():
    request = routes.create_locations("101", b"{}", "key-1")

    assert (request.name, request.target) == (
        "POST /ocpi/cpos/{cpo_id}/locations",
        "/ocpi/cpos/101/locations",
    )
    assert (request.body, request.idempotency_key, request.is_read) == (b"{}", "key-1", False)


def test_a_name_for_traces_holds_no_id():
    assert routes.location("101", "secret").name == "GET /ocpi/cpos/{cpo_id}/locations/{location_id}"


@pytest.mark.parametrize(
    ("charger_id", "segment"),
    [
        ("a b", "a%20b"),
        ("%2e%2e", "%252e%252e"),
        ("%2F", "%252F"),
        ("a?b#c", "a%3Fb%23c"),
        ("a;b=c&d", "a%3Bb%3Dc%26d"),
        ("...", "..."),
        ("Zürich-電", "Z%C3%BCrich-%E9%9B%BB"),
        ("{charger_id}", "%7Bcharger_id%7D"),
        ("x" * 200, "x" * 200),
    ],
)
def test_an_id_is_quoted_into_one_segment(charger_id, segment):
    assert routes.charger(charger_id).target == f"/ocpp/chargers/{segment}"


@pytest.mark.parametrize(
    "bad",
    ["", ".", "..", "a/b", "../status", "a\\b", "/", "a\x00", "a\nb", "\x7f", "\ud800", "\u2028", "x" * 201],
)
def test_an_id_that_could_be_no_segment_is_refused(bad):
    for refused in (
        lambda: routes.charger(bad),
        lambda: routes.charger_status(bad),
        lambda: routes.charger_logs(bad, 0, 1, None, None, None),
        lambda: routes.location("101", bad),
        lambda: routes.location_job("101", bad),
        lambda: routes.location_chargers(bad, ("a",)),
    ):
        with pytest.raises(BadUserInput, match="is 1 to 200 printable characters without slashes, got"):
            refused()


@pytest.mark.parametrize(
    "bad", ["", "0", "007", "-1", "+1", "1.0", "1e3", " 1", "1\n", "٣", "²", "101/..", "9" * 201]
)
def test_a_cpo_id_is_a_positive_whole_number_in_ascii(bad):
    for refused in (
        lambda: routes.cpo(bad),
        lambda: routes.cpo_status(bad),
        lambda: routes.cpo_report(bad),
        lambda: routes.list_locations(bad, 1, 1),
        lambda: routes.create_locations(bad, b"", None),
        lambda: routes.location(bad, "loc-1"),
        lambda: routes.location_job(bad, "job-1"),
    ):
        with pytest.raises(BadUserInput, match="A CPO id is a positive whole number such as 101, got"):
            refused()


def test_a_refusal_shows_no_more_than_the_head_of_a_long_id():
    with pytest.raises(BadUserInput) as told:
        routes.cpo("x" * 5000)

    assert len(told.value.message) < 130
