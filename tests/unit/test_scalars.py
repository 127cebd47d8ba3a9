"""DateTime: any RFC 3339 in, UTC with milliseconds out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.schema.scalars import format_moment, parse_moment

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones))  # noqa: DTZ001  # bounds are naive
def test_a_moment_is_read_back_to_the_millisecond(moment):
    text = format_moment(moment)

    assert len(text) == len("2026-04-16T10:15:30.000Z")
    assert timedelta(0) <= moment - parse_moment(text) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("2026-04-16T10:15:30Z", "2026-04-16T10:15:30.000Z"),
        ("2026-04-16T12:15:30+02:00", "2026-04-16T10:15:30.000Z"),
        ("2026-04-16T10:15:30.999999Z", "2026-04-16T10:15:30.999Z"),
        ("2026-04-16t10:15:30z", "2026-04-16T10:15:30.000Z"),
        ("2026-04-16T00:15:30+02:00", "2026-04-15T22:15:30.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_any_offset_comes_out_as_utc_with_milliseconds(text, out):
    assert format_moment(parse_moment(text)) == out


def test_a_moment_without_a_zone_is_utc():
    assert format_moment(datetime(2026, 4, 16, tzinfo=UTC).replace(tzinfo=None)) == "2026-04-16T00:00:00.000Z"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-04-16",
        "2026-04-16T10:15:30",
        "2026-02-30T00:00:00Z",
        "now",
        1776334530,
        None,
        True,
        "0001-01-01T00:00:00+23:59",
        "2026-04-16T25:00:00Z",
    ],
)
def test_anything_else_is_told_what_is_taken(value):
    with pytest.raises(GraphQLError) as told:
        parse_moment(value)

    assert told.value.message == f"DateTime takes RFC 3339 text such as 2026-04-16T10:15:30Z, got {value!r}."
