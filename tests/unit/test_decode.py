"""From bytes to records: what cannot be read fails alone, as near to itself as can be."""

import json
from typing import Any

import pytest

from ocpplab_graphql.gateway.decode import (
    Invalid,
    Narrowing,
    _defined,
    checked,
    decode,
    decode_listing,
    decode_log_page,
    decode_page,
    detail,
)
from ocpplab_graphql.gateway.errors import Complaint, GatewayInvalidResponse
from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    ChargerRecord,
    ChargerSummaryRecord,
    CoordinatesRecord,
    CPORecord,
    CPOTemplateRecord,
    EVSERecord,
    JobRecord,
    LocationRecord,
    ProvisioningRecord,
)

DEEP = b"[" * 100_000 + b"]" * 100_000


def page(*rows: Any, **envelope: Any) -> bytes:
    return json.dumps({"data": rows, "total": len(rows), "page": 1, "limit": 10, **envelope}).encode()


def located(**fields: Any) -> LocationRecord:
    return decode(json.dumps({"id": "loc-1", **fields}).encode(), LocationRecord)


def test_a_record_is_what_the_gateway_said_and_unknown_fields_are_ignored():
    assert located(
        name="Hub", coordinates={"latitude": 1, "longitude": 2.5, "altitude": 3}, new={"a": []}
    ) == (LocationRecord(id="loc-1", name="Hub", coordinates=CoordinatesRecord(latitude=1.0, longitude=2.5)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("public", "yes"),
        ("created_at", "yesterday"),
        ("coordinates", [1, 2]),
        ("chargers", {"id": "dep-1"}),
    ],
)
def test_a_wrong_type_fails_its_own_field(field, value):
    found = located(city="Paris", **{field: value})

    assert type(getattr(found, field)) is Invalid
    assert (found.id, found.city) == ("loc-1", "Paris")


def test_a_wrong_type_says_what_was_expected_and_what_came():
    with pytest.raises(GatewayInvalidResponse) as told:
        checked(located(name=7).name, "name")

    assert told.value.message == "The gateway sent an unreadable name: Expected `str | null`, got `int`."


def test_one_bad_coordinate_leaves_the_other():
    found = located(coordinates={"latitude": "48.8", "longitude": 2.35}).coordinates

    assert found.longitude == 2.35
    assert found.latitude == Invalid("Expected `float`, got `str`")


def test_a_missing_coordinate_is_told():
    assert located(coordinates={"longitude": 2.35}).coordinates.latitude == Invalid("`latitude` is missing")


def test_a_wrong_type_four_levels_down_fails_alone():
    [charger] = located(
        chargers=[
            {
                "id": "dep-1",
                "identity": "A",
                "evses": [{"evse_uid": "1", "topology_id": 9}, {"evse_uid": "2"}],
            }
        ]
    ).chargers

    assert charger.identity == "A"
    assert type(charger.evses[0].topology_id) is Invalid
    assert charger.evses[0].evse_uid == "1"
    assert charger.evses[1] == EVSERecord(evse_uid="2")


def test_an_embedded_row_without_its_id_fails_alone():
    chargers = located(chargers=[{"identity": "A"}, {"id": "dep-2", "identity": "B"}]).chargers

    assert chargers == [
        Invalid("`id`: `id` is missing"),
        ChargerSummaryRecord(id="dep-2", identity="B"),
    ]


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**70, 1.5, "4"])
def test_a_number_that_is_no_graphql_int_fails_its_field(number):
    found = decode(json.dumps({"cpo_id": "1", "template_version": number}).encode(), CPORecord)

    assert type(found.template_version) is Invalid


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b'{"id": "loc-1"',
        b'{"id": "loc-1", "name": 7, ',
        b'{"id": "loc-1", "new": ' + DEEP + b"}",
        b'{"id": "loc-1", "name": 7, "new": ' + DEEP + b"}",
    ],
    ids=["empty", "html", "cut", "cut later", "deep", "deep later"],
)
def test_what_is_not_json_is_an_invalid_response(body):
    with pytest.raises(GatewayInvalidResponse, match="something that is not JSON"):
        decode(body, LocationRecord)
    with pytest.raises(GatewayInvalidResponse, match="something that is not JSON"):
        decode_page(b'{"data": [' + body + b'x], "total": 1', LocationRecord, page=1, limit=10)


def test_what_is_not_utf_8_fails_its_own_field_and_is_not_repeated():
    found = decode(b'{"id": "loc-1", "name": "\xff", "city": "Paris"}', LocationRecord)

    assert (found.name, found.city) == (Invalid("it is not UTF-8"), "Paris")


def test_what_nobody_asks_for_is_not_looked_at_even_beside_what_does_not_fit():
    found = decode(b'{"id": "loc-1", "name": 7, "new": 1e999, "newer": ["\xff"]}', LocationRecord)

    assert (found.id, type(found.name)) == ("loc-1", Invalid)


@pytest.mark.parametrize("key", ["loc-1", None])
def test_another_object_than_was_asked_for_is_an_invalid_response(key):
    body = b'{"id": "loc-1", "name": "Hub"}'

    assert decode(body, LocationRecord, key=key).name == "Hub"
    with pytest.raises(GatewayInvalidResponse, match="another object than the one that was asked for"):
        decode(body, LocationRecord, key="loc-2")


@pytest.mark.parametrize(
    "looks_like_a_path",
    ["", ".", "..", "../x", "a/b", "a\\b", "a\u0000", "a\n", "\u0085", "x" * 201],
)
def test_a_row_whose_id_looks_like_a_path_fails_alone(looks_like_a_path):
    bad, good = decode_page(
        page({"id": looks_like_a_path}, {"id": "%2e%2e"}), LocationRecord, page=1, limit=10
    ).data

    assert type(bad) is Invalid
    assert good.id == "%2e%2e"


@pytest.mark.parametrize("no_number", ["0", "01", "a", "1/2", "-1", "1.0", "\u0661", "1\n", "1" * 201])
def test_the_id_of_a_cpo_is_a_number_in_ascii(no_number):
    with pytest.raises(GatewayInvalidResponse, match="an unreadable object"):
        decode(json.dumps({"cpo_id": no_number}).encode(), CPORecord)


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b'"loc-1"', b"{}", b'{"id": null}', b'{"id": ""}', b'{"id": 1}', b'{"id": "\xff"}'],
)
def test_an_object_without_its_id_is_an_invalid_response(body):
    with pytest.raises(GatewayInvalidResponse, match="an unreadable object"):
        decode(body, LocationRecord)


def test_free_form_results_are_kept_as_they_came():
    job = decode(b'{"job_id": "j", "results": {"new": [1, {"a": null}]}, "status": 3}', JobRecord)

    assert job.results == {"new": [1, {"a": None}]}
    assert type(job.status) is Invalid


def test_a_record_without_a_key_is_readable_whatever_is_missing():
    assert decode(b"{}", ProvisioningRecord) == ProvisioningRecord()


class TestAPage:
    def test_holds_its_rows_in_order(self):
        read = decode_page(page({"id": "b"}, {"id": "a"}, total=9), LocationRecord, page=1, limit=10)

        assert ([row.id for row in read.data], read.total) == (["b", "a"], 9)

    def test_keeps_the_rows_beside_one_that_cannot_be_read(self):
        rows = decode_page(
            page({"id": "a"}, 7, {"name": "no id"}, None, {"id": "b", "name": 5}),
            LocationRecord,
            page=1,
            limit=10,
        ).data

        assert rows[0] == LocationRecord(id="a")
        assert rows[1:4] == [
            Invalid("Expected `object`, got `int`"),
            Invalid("`id`: `id` is missing"),
            Invalid("Expected `object`, got `null`"),
        ]
        assert rows[4].id == "b"
        assert type(rows[4].name) is Invalid

    def test_keeps_the_rows_beside_one_that_is_not_utf_8(self):
        body = b'{"data": [{"id": 1}, {"id": "\xff"}, {"id": "b"}], "total": 3, "page": 1, "limit": 10}'

        rows = decode_page(body, LocationRecord, page=1, limit=10).data
        assert [type(row) for row in rows] == [Invalid, Invalid, LocationRecord]

    @pytest.mark.parametrize(
        "body",
        [
            b"null",
            b"[]",
            b"{}",
            b'{"data": null, "total": 0, "page": 1, "limit": 10}',
            b'{"data": {}, "total": 0, "page": 1, "limit": 10}',
            page(total=None),
            page(total=-1),
            page(total=2**31),
            page(total="1"),
            page(page=None),
            b'{"data": [], "page": 1, "limit": 10}',
        ],
    )
    def test_with_a_bad_envelope_is_an_invalid_response(self, body):
        with pytest.raises(GatewayInvalidResponse, match="a list that cannot be read"):
            decode_page(body, LocationRecord, page=1, limit=10)

    def test_must_be_the_one_that_was_asked_for(self):
        with pytest.raises(GatewayInvalidResponse) as told:
            decode_page(page(page=2, limit=50), LocationRecord, page=1, limit=10)

        assert told.value.message == (
            "Page 1 with limit 10 was asked for, the gateway sent page 2 with limit 50."
        )

    def test_must_not_hold_more_rows_than_were_asked_for(self):
        with pytest.raises(
            GatewayInvalidResponse, match="At most 1 rows were asked for, the gateway sent more"
        ):
            decode_page(page({"id": "a"}, {"id": "b"}, limit=1), LocationRecord, page=1, limit=1)


def test_a_log_page_must_be_the_one_that_was_asked_for():
    body = b'{"data": [{"action": "Heartbeat"}], "total": 5, "limit": 1, "offset": 4}'

    read = decode_log_page(body, ChargerLogRecord, offset=4, limit=1)
    assert (read.data, read.total) == ([ChargerLogRecord(action="Heartbeat")], 5)
    with pytest.raises(GatewayInvalidResponse, match=r"Offset 3 with limit 1 .* sent offset 4 with limit 1"):
        decode_log_page(body, ChargerLogRecord, offset=3, limit=1)


def test_a_listing_needs_no_total():
    assert decode_listing(b'{"data": [{"slug": "a"}, {}]}', CPOTemplateRecord).data == [
        CPOTemplateRecord(slug="a"),
        Invalid("`slug`: `slug` is missing"),
    ]


@pytest.mark.parametrize(
    ("body", "words", "complaints"),
    [
        (b'{"detail": "No such template."}', "No such template.", (Complaint((), "No such template."),)),
        (
            b'{"detail": [{"loc": ["body", 3, 1.5], "msg": "too big", "type": "range"}, 7, {"loc": "x"}]}',
            "too big; is not accepted",
            (Complaint(("body", 3), "too big", "range"), Complaint((), "is not accepted")),
        ),
        (b'{"detail": []}', "", ()),
        (b'{"detail": {"a": 1}}', "", ()),
        (b'{"error": "x"}', "", ()),
        (b"[1]", "", ()),
        (b"busy", "", ()),
        (b"", "", ()),
        (b'{"detail": "\xff"}', "", ()),
        (DEEP, "", ()),
    ],
)
def test_an_error_body_is_read_tolerantly(body, words, complaints):
    assert detail(body) == (words, complaints)


def test_the_words_of_an_error_body_are_bounded():
    words, _ = detail(json.dumps({"detail": "x" * 5000}).encode())

    assert words == "x" * 2000


def narrowed(record, *keys):
    return Narrowing({record: frozenset(keys)}).of(record)


class TestANarrowedRecord:
    def test_has_its_id_and_what_was_asked_for(self):
        found = decode(b'{"id": "a", "name": "n", "city": 7}', narrowed(LocationRecord, "name"))

        assert (found.id, found.name, hasattr(found, "city")) == ("a", "n", False)

    def test_still_fails_what_was_asked_for_alone(self):
        found = decode(b'{"id": "a", "name": 7}', narrowed(LocationRecord, "name"))

        assert (found.id, type(found.name)) == ("a", Invalid)

    def test_requires_nothing_that_was_not_asked_for(self):
        assert decode(b'{"id": "dep-1"}', narrowed(ChargerRecord)).id == "dep-1"

    def test_holds_narrowed_records_in_its_turn(self):
        selected = {
            LocationRecord: frozenset({"chargers"}),
            ChargerSummaryRecord: frozenset({"connector_type"}),
        }

        found = decode(
            b'{"id": "a", "chargers": [{"id": "c", "connector_type": "CCS2", "evses": 7}]}',
            Narrowing(selected).of(LocationRecord),
        )

        assert [(c.id, c.connector_type, hasattr(c, "evses")) for c in found.chargers] == [
            ("c", "CCS2", False)
        ]

    def test_holds_whole_records_of_which_nothing_is_asked_for(self):
        found = decode(
            b'{"id": "a", "chargers": [{"id": "c", "identity": "x"}]}', narrowed(LocationRecord, "chargers")
        )

        assert [c.identity for c in found.chargers] == ["x"]

    def test_is_made_once_for_all_who_ask_for_the_same(self):
        assert narrowed(CPORecord, "party") is narrowed(CPORecord, "party")

    def test_types_do_not_pile_up_with_what_clients_select(self):
        assert _defined.cache_info().maxsize is not None
