"""Ids of a page looked at together: the same verdict as each by itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.gateway.decode import Invalid, Narrowing, decode_page
from ocpplab_graphql.gateway.quick import are_ids, quick_of
from ocpplab_graphql.gateway.records import ChargerSummaryRecord, Id, LocationRecord

LOCATION = Narrowing(
    {
        LocationRecord: frozenset({"ocpp_location_id", "chargers"}),
        ChargerSummaryRecord: frozenset({"identity"}),
    }
).of(LocationRecord)

TEXTS = st.one_of(
    st.text(max_size=6),
    st.text(alphabet="ab./\\~\n\x7f:%é ", max_size=4),
    st.sampled_from(["", ".", "..", "...", "~", "a" * 200, "a" * 201, "a/b", "loc-1"]),
)


def is_id(text):
    try:
        msgspec.convert(text, Id)
    except msgspec.ValidationError:
        return False
    return True


@given(st.lists(TEXTS, max_size=5))
def test_many_are_ids_when_each_is_one(texts):
    assert are_ids(texts) == all(map(is_id, texts))


def test_ids_are_found_in_rows_and_in_the_rows_within():
    quick = quick_of(LOCATION)
    row = msgspec.convert(
        {"id": "a", "ocpp_location_id": "b", "chargers": [{"id": "c", "identity": "x"}]}, quick.type
    )
    bare = msgspec.convert({"id": "d"}, quick.type)

    assert sorted(quick.ids([row, bare])) == ["a", "b", "c", "d"]


def test_whole_records_are_decoded_as_they_are_declared():
    assert quick_of(LocationRecord).type is LocationRecord


@pytest.mark.parametrize("bad", ["a/b", "..", ""])
def test_a_bad_id_costs_its_own_row_alone(bad):
    told = []
    rows = [{"id": "a"}, {"id": bad}, {"id": "b", "chargers": [{"id": bad, "identity": "x"}]}]
    body = msgspec.json.encode({"data": rows, "total": 3, "page": 1, "limit": 3})

    page = decode_page(body, LOCATION, page=1, limit=3, spoilt=lambda: told.append(True))

    assert [type(row) is Invalid for row in page.data] == [False, True, False]
    assert [type(charger) is Invalid for charger in page.data[2].chargers] == [True]
    assert told == [True]
