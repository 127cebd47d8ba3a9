"""Windows and the calls that cover them: enough, within bounds, and as few as can be."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.loaders.choice import Choice, choose, unread_pages
from ocpplab_graphql.loaders.windows import Window, offsets_covering, pages_covering

ranges = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(0, 250)).map(lambda r: (r[0], r[0] + r[1])), max_size=5
)
small = st.sets(st.integers(0, 11), min_size=1, max_size=5)


def needed(of):
    return {p for a, b in of for p in range(a, b)}


def page_positions(call):
    page, limit = call
    return set(range((page - 1) * limit, page * limit))


def singles(positions):
    return [(p, p + 1) for p in positions]


@given(ranges)
def test_pages_cover_what_is_needed_within_the_limit(of):
    calls = pages_covering(of)

    assert needed(of) <= set().union(*map(page_positions, calls))
    assert all(page >= 1 and 1 <= limit <= 100 for page, limit in calls)


@given(small)
def test_no_fewer_pages_would_do(positions):
    calls = pages_covering(singles(positions), limit_max=4)
    every = {(p // limit + 1, limit) for p in positions for limit in range(1, 5)}

    fewer = combinations(every, len(calls) - 1)
    assert not any(positions <= set().union(*map(page_positions, some)) for some in fewer)


@given(ranges, st.integers(1, 1000))
def test_offsets_cover_what_is_needed_within_the_limit(of, limit_max):
    calls = offsets_covering(of, limit_max)

    covered = {p for offset, limit in calls for p in range(offset, offset + limit)}
    assert needed(of) <= covered
    assert all(offset >= 0 and 1 <= limit <= limit_max for offset, limit in calls)


@given(small)
def test_no_fewer_offsets_would_do(positions):
    calls = offsets_covering(singles(positions), 3)

    fewer = combinations(range(12), len(calls) - 1)
    assert not any(positions <= {p for s in starts for p in range(s, s + 3)} for starts in fewer)


@pytest.mark.parametrize(
    ("of", "calls"),
    [
        ([], []),
        ([(0, 0)], []),
        ([(0, 10)], [(1, 10)]),
        ([(10, 17)], [(2, 9)]),
        ([(50, 150)], [(2, 50), (3, 50)]),
        ([(95, 105)], [(7, 15)]),
        ([(0, 250)], [(1, 100), (2, 100), (5, 50)]),
        ([(0, 5), (90, 95)], [(1, 95)]),
    ],
)
def test_a_window_takes_exactly_these_pages(of, calls):
    assert pages_covering(of) == calls


@pytest.mark.parametrize(
    ("window", "total", "span"),
    [
        (Window(first=10), None, (0, 10)),
        (Window(first=10), 4, (0, 4)),
        (Window(start=5, first=10), 4, (5, 5)),
        (Window(start=5, end=8, first=10), None, (5, 8)),
        (Window(start=5, end=3, first=10), 100, (5, 5)),
        (Window(last=10), None, None),
        (Window(last=10), 4, (0, 4)),
        (Window(last=10), 40, (30, 40)),
        (Window(end=20, last=10), None, (10, 20)),
        (Window(end=20, last=10), 15, (5, 15)),
        (Window(start=18, end=20, last=10), None, (18, 20)),
        (Window(start=30, last=10), 20, (30, 30)),
        (Window(first=10), 0, (0, 0)),
    ],
)
def test_a_window_spans_exactly_these_positions(window, total, span):
    assert window.span(total) == span


@given(
    st.integers(0, 50),
    st.one_of(st.none(), st.integers(0, 50)),
    st.integers(1, 50),
    st.booleans(),
    st.integers(0, 50),
)
def test_a_span_never_leaves_its_list_nor_its_bounds(start, end, size, forwards, total):
    window = Window(start, end, size if forwards else None, None if forwards else size)
    positions = [p for p in range(total) if p >= start and (end is None or p < end)]

    assert list(range(*window.span(total))) == (positions[:size] if forwards else positions[-size:])


@pytest.mark.parametrize(
    ("missing", "total", "unread", "pages"),
    [
        (0, None, [], ()),
        (2, None, [], ()),
        (3, None, [], (1,)),
        (3, 250, [2, 3], (2, 3)),
        (2, 250, [2, 3], ()),
        (1, 100, [1], ()),
        (5, 100, [], ()),
    ],
)
def test_pages_are_chosen_when_they_are_fewer_calls(missing, total, unread, pages):
    assert choose(missing, total=total, unread_pages=unread) == Choice(pages)


@pytest.mark.parametrize(
    ("total", "known", "pages"),
    [
        (0, set(), []),
        (100, set(), [1]),
        (101, set(), [1, 2]),
        (250, set(range(100)), [2, 3]),
        (250, set(range(200, 250)), [1, 2]),
        (150, set(range(149)), [2]),
    ],
)
def test_a_page_is_unread_while_any_of_its_positions_is(total, known, pages):
    assert unread_pages(total, known, at_most=10) == pages


def test_a_total_beyond_all_reason_is_not_counted_through():
    assert unread_pages(2**31 - 1, set(range(100)), at_most=3) == [2, 3, 4]
