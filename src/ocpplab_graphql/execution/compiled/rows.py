"""Connections: the rows of windows, of lists that records hold, and of ids that records name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ocpplab_graphql.execution.bindings import Embedded, Many, Named, RowNode
from ocpplab_graphql.execution.compiled.arguments import Arguments
from ocpplab_graphql.execution.compiled.program import Asked, Op, Place, Run, Table, Unforeseen
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import Slice
from ocpplab_graphql.loaders.windows import Range


@dataclass(frozen=True, slots=True)
class Below:
    """A place whose objects are the rows of a connection, and the response keys that lead there from it."""

    place: Place
    before: str
    after: str | None
    nodes: bool
    ups: bool


class PageOf(msgspec.Struct, frozen=True):
    """The page of one parent: where its rows stand among all rows of the place below."""

    cursors: Any
    span: Range
    total: int
    positions: Sequence[int]
    start: int
    stop: int
    after: str | None


class Rows(Op):
    """Common to what opens places below with the rows of connections."""

    def __init__(self, place: Place, number: int, key: str, item: RowNode, arguments: Arguments) -> None:
        super().__init__(place, number)
        self.key = key
        self.item = item
        self.arguments = arguments
        self.below: list[Below] = []
        self.build: Callable[..., list[Any]] | None = None

    def column(self, run: Run) -> Sequence[Any]:
        """The connections, one for each parent."""
        pages, rows = run.tables[self.place.index].columns[self.number]
        if self.build is None:
            raise TypeError("a connection without its function")
        return self.build(run, pages, rows, *(run.outputs[below.place.index] for below in self.below))

    def _open(self, run: Run, pages: list[PageOf | None], rows: list[Any]) -> list[Op]:
        """Hand the rows to the places below."""
        table = run.tables[self.place.index]
        table.columns[self.number] = pages, rows
        going_on: list[Op] = []
        for below in self.below:
            going_on += below.place.opened(run, self._table(run, table, below, pages, rows))
        return going_on

    def _table(
        self, run: Run, parents: Table, below: Below, pages: list[PageOf | None], rows: list[Any]
    ) -> Table:
        table = Table(rows=rows, paths=[] if run.traced else None)
        for i, page in enumerate(pages):
            if page is None:
                continue
            count = page.stop - page.start
            if self.item.above:
                table.keys += [parents.nodes[i].key] * count
            if below.ups:
                table.ups += [parents.rows[i]] * count
            if below.nodes:
                table.nodes += [self.item.of(parents.nodes[i], row) for row in rows[page.start : page.stop]]
            if table.paths is not None and parents.paths is not None:
                last = () if below.after is None else (below.after,)
                table.paths += [
                    [(*path, self.key, below.before, at, *last) for path in parents.paths[i]]
                    for at in range(count)
                ]
        return table


class Windows(Rows):
    """Connections over lists of the gateway."""

    def __init__(
        self,
        place: Place,
        number: int,
        key: str,
        binding: Many,
        arguments: Arguments,
        *,
        rows: bool,
    ) -> None:
        super().__init__(place, number, key, binding.item, arguments)
        self.binding = binding
        self.rows = rows

    def ask(self, run: Run) -> list[Asked]:
        """A window of a list for each parent."""
        table = run.tables[self.place.index]
        given = self.arguments.of(run.variables)
        paging = run.rules.paging(given)
        asked: list[Asked] = []
        cursors_of_all = []
        for i, node in enumerate(table.nodes):
            of, cursors = run.rules.list_of(self.binding, node, given)
            one = ("window", (of, paging.window(cursors, run.limits, rows=self.rows)))
            cursors_of_all.append(cursors)
            asked.append(one)
            if table.paths is not None:
                run.tell(one, [(*path, self.key) for path in table.paths[i]])
        table.columns[self.number] = cursors_of_all, paging.after
        return asked

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:
        """The rows of all windows, one after the other."""
        cursors, after = run.tables[self.place.index].columns[self.number]
        pages: list[PageOf | None] = []
        rows: list[Any] = []
        for i, window in enumerate(found):
            if not isinstance(window, Slice):
                raise Unforeseen("failed")
            start = len(rows)
            rows += window.values
            pages.append(
                PageOf(cursors[i], window.span, window.total, window.positions, start, len(rows), after)
            )
        return self._open(run, pages, rows)


class EmbeddedPaging:
    """The page of each list that records hold, by one field's arguments."""

    def __init__(self, run: Run, name: str, given: Mapping[str, Any]) -> None:
        # Not the run itself: it keeps this, and whatever holds itself is garbage that only a search finds.
        self._rules = run.rules
        self._limits = run.limits
        self._name = name
        self._paging = run.rules.paging(given)
        # Without a cursor the window is the same for every list.
        alike = self._paging.after is None and self._paging.before is None
        self._window = self._paging.window(None, run.limits) if alike else None
        self.first = self._window.first if self._window is not None else None
        self.after = self._paging.after

    def span(self, length: int, key: tuple[str, ...]) -> Range:
        """The positions on the page of a list of this length, whose owner has this key."""
        window = self._window or self._paging.window(self.cursors(key), self._limits)
        span = window.span(length)
        if span is None:
            raise Unforeseen("failed")
        return span

    def page(self, length: int | None, key: tuple[str, ...], begun: int) -> PageOf | None:
        """
        The page of such a list; its rows stand from `begun` among all rows of the place below.

        None where there is no list; whether the arguments fit it is looked at all the same.
        """
        start, stop = self.span(length or 0, key)
        if length is None:
            return None
        positions = range(start, min(stop, length))
        end = begun + len(positions)
        return PageOf(self.cursors(key), (start, stop), length, positions, begun, end, self.after)

    def cursors(self, key: tuple[str, ...]) -> Any:
        """The cursors of the list of the owner with this key."""
        return self._rules.cursors(self._name, *key)


def paging_of(run: Run, name: str, number: str, arguments: Arguments) -> EmbeddedPaging:
    """The paging of one field, made once for each run; `number` tells it from the other fields."""
    made: EmbeddedPaging | None = run.memory.get(number)
    if made is None:
        made = run.memory[number] = EmbeddedPaging(run, name, arguments.of(run.variables))
    return made


class Entries(Rows):
    """Connections over lists that records hold, where something is read for their entries."""

    at_once = True

    def __init__(
        self,
        place: Place,
        number: int,
        key: str,
        binding: Embedded,
        arguments: Arguments,
    ) -> None:
        super().__init__(place, number, key, binding.item, arguments)
        self.binding = binding

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:  # noqa: ARG002  # it asked nothing
        """The entries of all records, one after the other."""
        table = run.tables[self.place.index]
        paging = EmbeddedPaging(run, self.binding.name, self.arguments.of(run.variables))
        pages: list[PageOf | None] = []
        rows: list[Any] = []
        for node, record in zip(table.nodes, table.rows, strict=True):
            entries = getattr(record, self.binding.value.key)
            page = paging.page(None if entries is None else len(entries), node.key, len(rows))
            pages.append(page)
            if page is not None:
                rows += entries[slice(*page.span)]
        return self._open(run, pages, rows)


class NamedRows(Rows):
    """Connections over rows that records name by their ids; each is read, or none."""

    def __init__(self, place: Place, number: int, key: str, binding: Named, arguments: Arguments) -> None:
        super().__init__(place, number, key, binding.item, arguments)
        self.binding = binding

    def ask(self, run: Run) -> list[Asked]:
        """The rows on the page of each parent."""
        table = run.tables[self.place.index]
        paging = EmbeddedPaging(run, self.binding.name, self.arguments.of(run.variables))
        pages: list[PageOf | None] = []
        asked: list[Asked] = []
        for i, (node, record) in enumerate(zip(table.nodes, table.rows, strict=True)):
            ids = self.binding.ids(getattr(record, self.binding.value.key))
            page = paging.page(None if ids is None else len(ids), node.key, len(asked))
            pages.append(page)
            if ids is None or page is None:
                continue
            asked += [
                (self.binding.loader, (*node.key[: self.item.above], row_id))
                for row_id in ids[slice(*page.span)]
            ]
            if table.paths is not None:
                for one in asked[page.start :]:
                    run.tell(one, [(*path, self.key) for path in table.paths[i]])
        table.columns[self.number] = pages
        return asked

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:
        """The rows of all parents; one that is gone is the ordinary executor's business."""
        if not all(isinstance(row, Record) for row in found):
            raise Unforeseen("failed")
        return self._open(run, run.tables[self.place.index].columns[self.number], list(found))
