"""
Pure: single reads, or pages of the list they stand in? Source: gateway contract, section 7.
"""

from collections.abc import Sequence
from itertools import islice

from msgspec import Struct

from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX


class Choice(Struct, frozen=True):
    """What to read next: these pages of 100 rows, or, when there are none, every id by itself."""

    pages: tuple[int, ...] = ()


_SINGLY = Choice()


def choose(missing: int, *, total: int | None, unread_pages: Sequence[int]) -> Choice:
    """
    The cheaper way to `missing` distinct ids of one list.

    One or two ids of a list nothing is known of are read singly. For three or more, page 1 tells
    the total; from then on the unread pages are taken if they are fewer than the ids.

    Args:
        total: rows in the list, if any page of it was read.
        unread_pages: numbers of the pages of 100 rows that are not wholly known.
    """
    if total is None:
        return Choice(pages=(1,)) if missing >= 3 else _SINGLY
    if 0 < len(unread_pages) < missing:
        return Choice(pages=tuple(unread_pages))
    return _SINGLY


def unread_pages(total: int, known: set[int], *, at_most: int) -> list[int]:
    """
    Numbers of the first `at_most` pages of 100 rows with a position below `total` that is not in `known`.

    A total may be anything that the gateway says, so nothing here is as large as it.
    """
    last = (total + PAGE_LIMIT_MAX - 1) // PAGE_LIMIT_MAX
    unread = (
        page
        for page in range(1, last + 1)
        if not known.issuperset(range((page - 1) * PAGE_LIMIT_MAX, min(page * PAGE_LIMIT_MAX, total)))
    )
    return list(islice(unread, at_most))
