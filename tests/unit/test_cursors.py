"""Cursors belong to one list and are told when damaged; paging arguments become windows."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.loaders.windows import Window
from ocpplab_graphql.schema.connections import PageOfRows, Paging, cursors_of, plain_edge
from ocpplab_graphql.schema.limits import Limits

LIMITS = Limits()
HERE = cursors_of("Locations", "101")
names = st.lists(st.text(max_size=10), min_size=1, max_size=3)
positions = st.integers(0, 999_999_999)


@given(names, positions)
def test_a_cursor_names_its_position(name, position):
    cursors = cursors_of(*name)

    assert cursors.position(cursors.at(position), "after") == position


@given(names, positions, st.data())
def test_a_cursor_with_any_one_character_changed_is_refused(name, position, data):
    cursors = cursors_of(*name)
    good = cursors.at(position)
    at = data.draw(st.integers(0, len(good) - 1))
    char = data.draw(st.sampled_from(string.printable + "٣é").filter(lambda c: c != good[at]))

    with pytest.raises(BadUserInput):
        cursors.position(good[:at] + char + good[at + 1 :], "after")


@given(names, names, positions)
def test_a_cursor_of_another_list_is_refused(one, other, position):
    if one == other:
        return
    with pytest.raises(BadUserInput, match="after is a cursor of another list"):
        cursors_of(*one).position(cursors_of(*other).at(position), "after")


def test_a_list_without_a_filter_is_not_the_list_of_the_text_none():
    assert cursors_of("Chargers", None) != cursors_of("Chargers", "None")


@pytest.mark.parametrize(
    "text", ["", "0", "YXJyYXljb25uZWN0aW9uOjA=", "1" * 5000, HERE.at(1) + "\n", " " + HERE.at(1)]
)
def test_what_is_no_cursor_is_told_so(text):
    with pytest.raises(BadUserInput) as told:
        HERE.position(text, "before")

    assert told.value.message == "before is not a cursor: pass endCursor or startCursor on unchanged."


@pytest.mark.parametrize(
    ("given_arguments", "window"),
    [
        ({}, Window(first=50)),
        ({"first": 3}, Window(first=3)),
        ({"first": 3, "after": HERE.at(9)}, Window(start=10, first=3)),
        ({"after": HERE.at(9)}, Window(start=10, first=50)),
        ({"last": 3}, Window(last=3)),
        ({"last": 3, "before": HERE.at(9)}, Window(end=9, last=3)),
        ({"before": HERE.at(9)}, Window(end=9, last=50)),
        ({"after": HERE.at(2), "before": HERE.at(9)}, Window(start=3, end=9, first=50)),
        ({"first": 500}, Window(first=500)),
    ],
)
def test_paging_arguments_name_this_window(given_arguments, window):
    paging = Paging.of(*(given_arguments.get(name) for name in ("first", "after", "last", "before")))

    assert paging.window(HERE, LIMITS) == window


@pytest.mark.parametrize(
    ("paging", "message"),
    [
        (Paging(1, None, 1, None), "Give first or last, not both."),
        (Paging(0, None, None, None), "first must be 1 to 500, got 0."),
        (Paging(501, None, None, None), "first must be 1 to 500, got 501."),
        (Paging(None, None, -1, None), "last must be 1 to 500, got -1."),
    ],
)
def test_paging_arguments_that_do_not_fit_are_told_what_fits(paging, message):
    with pytest.raises(BadUserInput) as told:
        paging.window(HERE, LIMITS)

    assert told.value.message == message


@pytest.mark.parametrize(
    ("span", "total", "after", "expected"),
    [
        ((0, 2), 5, None, (True, False, HERE.at(0), HERE.at(1))),
        ((3, 5), 5, HERE.at(2), (False, True, HERE.at(3), HERE.at(4))),
        ((0, 0), 0, None, (False, False, None, None)),
        ((9, 9), 5, HERE.at(8), (False, True, None, HERE.at(8))),
    ],
)
def test_a_page_knows_where_it_stands_even_when_its_rows_have_vanished(span, total, after, expected):
    info = PageOfRows(HERE, span, total, [], lambda row: row, plain_edge, after).page_info()

    assert (info.has_next_page, info.has_previous_page, info.start_cursor, info.end_cursor) == expected
