"""
Pure: which rows a connection needs, and which (page, limit) calls bring them.

Positions count from 0 in the gateway's order. Ranges are half-open.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

PAGE_LIMIT_MAX = 100

Range = tuple[int, int]


class Window(Struct, frozen=True, gc=False):
    """
    What a connection asks of a list: `first` rows from `start`, or the `last` ones before `end`.

    Attributes:
        start: first position allowed: 0, or the one after the cursor `after`.
        end: first position not allowed: that of the cursor `before`, or None for the list's end.
        first, last: how many rows at most; exactly one of them is set.
        rows: False when only the total is wanted (totalCount, pageInfo, cursors).
    """

    start: int = 0
    end: int | None = None
    first: int | None = None
    last: int | None = None
    rows: bool = True

    def span(self, total: int | None) -> Range | None:
        """
        The positions in this window; None when that depends on a total that is not known.

        A total that is not known is taken as large enough.
        """
        start, end = self.start, self.end
        if total is not None and (end is None or total < end):
            end = total
        if self.first is not None:
            stop = start + self.first
            if end is not None and end < stop:
                stop = end
            return start, max(start, stop)
        if end is None or self.last is None:
            return None
        return max(start, end - self.last), max(start, end)


def pages_covering(ranges: Iterable[Range], limit_max: int = PAGE_LIMIT_MAX) -> list[tuple[int, int]]:
    """
    The fewest (page, limit) calls that cover all positions of `ranges`; among equals the smallest limits.

    From the first position not yet covered, take the aligned page that reaches most of what is
    needed; covering points on a line with intervals, that greedy choice is optimal.
    """
    return list(_pages_covering(tuple(ranges), limit_max))


# The same few windows are asked for again and again, by every operation.
@lru_cache(maxsize=4096)
def _pages_covering(ranges: tuple[Range, ...], limit_max: int) -> tuple[tuple[int, int], ...]:
    needed = sorted({p for a, b in ranges for p in range(a, b)})
    calls: list[tuple[int, int]] = []
    done = 0
    while done < len(needed):
        limit, done = _widest(needed, done, limit_max)
        calls.append((needed[done - 1] // limit + 1, limit))
    return tuple(calls)


def _widest(needed: Sequence[int], at: int, limit_max: int) -> tuple[int, int]:
    """The limit whose page holds `needed[at]` and most positions after it, and where it stops."""
    best = (1, at + 1)
    for limit in range(2, limit_max + 1):
        end = (needed[at] // limit + 1) * limit
        reached = at
        while reached < len(needed) and needed[reached] < end:
            reached += 1
        if reached > best[1]:
            best = (limit, reached)
    return best


def offsets_covering(ranges: Iterable[Range], limit_max: int) -> list[tuple[int, int]]:
    """The fewest (offset, limit) calls that cover all positions, for lists that take any offset."""
    needed = sorted({p for a, b in ranges for p in range(a, b)})
    calls: list[tuple[int, int]] = []
    done = 0
    while done < len(needed):
        start = needed[done]
        done = bisect_left(needed, start + limit_max)
        calls.append((start, needed[done - 1] + 1 - start))
    return calls
