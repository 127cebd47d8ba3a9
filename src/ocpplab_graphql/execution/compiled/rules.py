"""What the engine needs to know of the graph's own rules: paging and cursors. The schema implements them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ocpplab_graphql.execution.bindings import Many
from ocpplab_graphql.loaders import GatewayList, Window
from ocpplab_graphql.loaders.windows import Range


class CursorsOfList(Protocol):
    """The cursors of one list."""

    def at(self, position: int) -> str:
        """The cursor of a position."""
        ...

    def between(self, start: int, stop: int) -> list[str]:
        """The cursors of the positions from `start` up to `stop`, which is not among them."""
        ...


class PagingArguments(Protocol):
    """first, after, last and before, as a field was given them."""

    @property
    def after(self) -> str | None:
        """The cursor given as `after`."""
        ...

    @property
    def before(self) -> str | None:
        """The cursor given as `before`."""
        ...

    def window(self, cursors: Any, limits: Any, *, rows: bool = True) -> Window:
        """The window that they name; raises BadUserInput."""
        ...


class Rules(Protocol):
    """The rules of the graph."""

    def paging(self, given: Mapping[str, Any]) -> PagingArguments:
        """The paging arguments among a field's arguments."""
        ...

    def list_of(self, binding: Many, node: Any, given: Mapping[str, Any]) -> tuple[GatewayList, Any]:
        """The list that a connection reads, and its cursors; raises BadUserInput."""
        ...

    def cursors(self, *name: str) -> Any:
        """The cursors of the list with this name."""
        ...

    def page_info(self, cursors: Any, span: Range, total: int, after: str | None) -> Any:
        """Where a page stands in its list; fields by their Python names."""
        ...

    def check_ids(self, ids: Sequence[str], limits: Any) -> None:
        """Raise BadUserInput if these are too many ids for one lookup."""
        ...
