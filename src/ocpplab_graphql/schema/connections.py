"""
Connections: cursors, windows from arguments, and the connection types.

Cursors and windows are pure. A cursor names a position in one list; the list's name goes into it,
so that a cursor of another list, or a damaged one, is told apart.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import strawberry
from strawberry import UNSET, Private

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.loaders import Window
from ocpplab_graphql.loaders.windows import Range
from ocpplab_graphql.schema.limits import Limits

T = TypeVar("T")
_CURSOR = re.compile(r"1[0-9a-f]{8}\.(0|[1-9][0-9]{0,8})\.[0-9a-f]{4}", re.ASCII)

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many rows at most, from the start or after `after`: 1 to 500, 50 by default. "
        "Not together with `last`."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Only rows after this cursor of the same list.")
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="How many rows at most, counted from the end or from `before`: 1 to 500. "
        "Not together with `first`. Without `before` it may cost one call more."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="Only rows before this cursor of the same list; alone, the 50 rows right before it."
    ),
]


# Of the first positions, what does not depend on the list: the position as text, and its share of the check sum.
_TAILS = tuple((f"{position}.", position * 40503 & 0xFFFF) for position in range(1000))


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list. `seed` is the number of its name."""

    prefix: str
    seed: int

    def at(self, position: int) -> str:
        """The cursor of a position. Built by concatenation: it is made for every edge."""
        return f"{self.prefix}{position}.{(position * 40503 ^ self.seed) & 0xFFFF:04x}"

    def between(self, start: int, stop: int) -> list[str]:
        """The cursors of the positions from `start` up to `stop`, which is not among them."""
        if stop > len(_TAILS):
            return [self.at(position) for position in range(start, stop)]
        prefix, seed = self.prefix, self.seed
        return [f"{prefix}{text}{number ^ seed:04x}" for text, number in _TAILS[start:stop]]

    def position(self, cursor: str, argument: str) -> int:
        """
        The position of a cursor.

        Raises:
            BadUserInput: of another list, or damaged.
        """
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise BadUserInput(f"{argument} is not a cursor: pass endCursor or startCursor on unchanged.")
        if not cursor.startswith(self.prefix):
            raise BadUserInput(
                f"{argument} is a cursor of another list: use one that this very list returned."
            )
        position = int(match[1])
        if self.at(position) != cursor:
            raise BadUserInput(f"{argument} is a damaged cursor: pass endCursor or startCursor on unchanged.")
        return position


@lru_cache(maxsize=4096)
def cursors_of(*name: str | None) -> Cursors:
    """The cursors of the list with this name: its type, its parent's id, its field, its filters."""
    digest = blake2b(repr(name).encode(), digest_size=6).digest()
    return Cursors(prefix=f"1{digest[:4].hex()}.", seed=int.from_bytes(digest[4:], "big"))


class Paging(msgspec.Struct, frozen=True):
    """The four paging arguments as they came."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None

    @classmethod
    def of(cls, first: Any, after: Any, last: Any, before: Any) -> "Paging":
        """From resolver arguments, of which those that were not given are UNSET."""
        return cls(*(None if value is UNSET else value for value in (first, after, last, before)))

    def window(self, cursors: Cursors, limits: Limits, *, rows: bool = True) -> Window:
        """
        The window that these arguments name.

        Raises:
            BadUserInput: a number out of its bounds, a cursor of another list, `first` with `last`.
        """
        if self.first is not None and self.last is not None:
            raise BadUserInput("Give first or last, not both.")
        _check_size("first", self.first, limits)
        _check_size("last", self.last, limits)
        start = 0 if self.after is None else cursors.position(self.after, "after") + 1
        end = None if self.before is None else cursors.position(self.before, "before")
        first, last = self.first, self.last
        if first is None and last is None:
            if end is not None and self.after is None:
                last = limits.page_size_default
            else:
                first = limits.page_size_default
        return Window(start=start, end=end, first=first, last=last, rows=rows)


def _check_size(name: str, value: int | None, limits: Limits) -> None:
    if value is not None and not 1 <= value <= limits.page_size_max:
        raise BadUserInput(f"{name} must be 1 to {limits.page_size_max}, got {value}.")


@dataclass(frozen=True, slots=True)
class PageOfRows:
    """
    The rows of one window, and what makes nodes and edges of them.

    Attributes:
        span: positions covered, within `total`.
        rows: (position, row) of those that are there.
        after: the cursor given as `after`, which an empty page repeats as its endCursor.
        counted: False if the total is only what the rows prove, and the gateway told less.
    """

    cursors: Cursors
    span: Range
    total: int
    rows: Sequence[tuple[int, Any]]
    item: Callable[[Any], Any]
    edge: Callable[[Any, Any, str], Any]
    after: str | None = None
    counted: bool = True

    @property
    def total_count(self) -> int:
        """
        The total as the gateway told it.

        Raises:
            GatewayInvalidResponse: it told less than it showed.
        """
        if not self.counted:
            raise GatewayInvalidResponse(
                "The gateway sent more rows than the total that it told beside them."
            )
        return self.total

    def nodes(self) -> list[Any]:
        """The nodes; an exception in place of one that cannot be read."""
        return [self.item(row) for _, row in self.rows]

    def edges(self) -> list[Any]:
        """The edges, each with the cursor of its position."""
        return list(self._edges())

    def _edges(self) -> Iterator[Any]:
        at = self.cursors.at
        for position, row in self.rows:
            yield self.edge(row, self.item(row), at(position))

    def page_info(self) -> "PageInfo":
        """Whether there is more, and where to go on: by positions, so honest even if rows vanished."""
        return page_info(self.cursors, self.span, self.total, self.after)


@strawberry.type(
    description="Where a page stands in its list. Page by `hasNextPage` and `endCursor`, never by counting."
)
class PageInfo:
    """Source: Relay, GraphQL Cursor Connections Specification."""

    has_next_page: bool = strawberry.field(
        description="Whether rows follow this page, forwards or backwards."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether rows precede this page, forwards or backwards."
    )
    start_cursor: str | None = strawberry.field(
        description="Cursor of the page's first position; pass it as `before` to go back. Null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the page's last position; pass it as `after` to go on. "
        "Set even when rows vanished and the page is empty; null only at the start of an empty list."
    )


def page_info(cursors: Cursors, span: Range, total: int, after: str | None) -> PageInfo:
    """
    Where the page with these positions stands in its list.

    Args:
        after: the cursor given as `after`.
    """
    start, end = span
    return PageInfo(
        has_next_page=end < total,
        has_previous_page=min(start, total) > 0,
        start_cursor=cursors.at(start) if end > start else None,
        end_cursor=cursors.at(end - 1) if end > start else after,
    )


@strawberry.type(description="A row of a page, with its cursor.")
class Edge(Generic[T]):
    """One position of a list."""

    cursor: str = strawberry.field(
        description="Position of this row in its list; opaque. Belongs to this list alone."
    )
    node: T | None = strawberry.field(
        description="The row itself; null, with an error, if the gateway sent it unreadable."
    )


@strawberry.type(
    description="A page of a list in the gateway's order. It may hold fewer rows than asked for; "
    "`totalCount` alone costs one small call, and none if any page of the list is read."
)
class Connection(Generic[T]):
    """A window of a list that was read."""

    page: Private[PageOfRows]

    @strawberry.field(description="The rows with their cursors.")
    def edges(self) -> list[Edge[T]]:
        """Made only when selected."""
        return self.page.edges()

    @strawberry.field(
        description="The rows without cursors: serves one page, while caches that join pages want `edges`."
    )
    def nodes(self) -> list[T | None]:
        """Made only when selected."""
        return self.page.nodes()

    @strawberry.field(description="Whether there is more, and where to go on.")
    def page_info(self) -> PageInfo:
        """Made only when selected."""
        return self.page.page_info()

    @strawberry.field(description="Rows in the whole list at this moment, whatever the page.")
    def total_count(self) -> int | None:
        """As the gateway told it."""
        return self.page.total_count


def plain_edge(_row: Any, node: Any, cursor: str) -> Edge[Any]:
    """An edge that says nothing but cursor and node."""
    return Edge(cursor=cursor, node=node)
