"""
What a compiled query reads, level by level: the tables of one run, and the operations that fill them.

An operation first says what it asks for; when all of a level have said so, each loader is asked once,
with all of it. So batches are complete by construction, and no timer waits for more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql.execution.values import VariableValues

from ocpplab_graphql.execution.bindings import Embedded, Gallery, Lookup, Many, Parent, RowNode, Source, Value
from ocpplab_graphql.execution.compiled.arguments import Arguments
from ocpplab_graphql.execution.compiled.rules import Rules
from ocpplab_graphql.gateway.errors import GatewayNotFound
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import Loaders, Slice
from ocpplab_graphql.loaders.windows import Range

Asked = tuple[str, Any]
Path = tuple[str | int, ...]


class Unforeseen(Exception):
    """
    Something that only the ordinary executor knows how to answer.

    Attributes:
        reason: `failed` (a read failed, or found nothing where something must be), `damaged` (the gateway sent
            what could only be read in part), `null` (where none may be), `incomplete` (a row lacks what another
            record may tell).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Table:
    """
    The objects of one place, in one run; all lists are in step.

    Attributes:
        rows: their records; empty when nothing but their keys is needed.
        keys: for rows of a list the parent's key, otherwise the object's own.
        ups: the parents' records, where those tell something of the rows.
        nodes: the objects themselves, where something is read for them.
        paths: where each stands in the response; only when traced.
        columns: what was read for them, by the number of the operation that read it.
    """

    rows: list[Any] = field(default_factory=list)
    keys: list[tuple[str, ...]] = field(default_factory=list)
    ups: list[Any] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)
    paths: list[list[Path]] | None = None
    columns: dict[int, Any] = field(default_factory=dict)


class Run:
    """One execution of a program: variables in, tables filled."""

    def __init__(self, variables: VariableValues, loaders: Loaders, limits: Any, rules: Rules) -> None:
        self.variables = variables
        self.loaders = loaders
        self.limits = limits
        self.rules = rules
        self.traced = loaders.trace is not None
        self.tables: dict[int, Table] = {}
        self.outputs: dict[int, list[Any]] = {}
        self._pagings: dict[str, EmbeddedPaging] = {}
        self._positions: dict[int, dict[tuple[str, ...], int]] = {}

    def paging(self, of: tuple[str, str], arguments: Arguments) -> "EmbeddedPaging":
        """The paging of an embedded connection: `of` is the name of its lists, and of the field among all."""
        name, field_name = of
        made = self._pagings.get(field_name)
        if made is None:
            made = self._pagings[field_name] = EmbeddedPaging(self, name, arguments.of(self.variables))
        return made

    def again(self) -> "Run":
        """The same from the start; what was fetched is not fetched again."""
        return Run(self.variables, self.loaders, self.limits, self.rules)

    def object_at(self, place: "Place", key: tuple[str, ...]) -> Any:
        """The answer's object with this key, None if there is none."""
        positions = self._positions.get(place.index)
        if positions is None:
            keys = self.tables[place.index].keys
            positions = self._positions[place.index] = {one: i for i, one in enumerate(keys)}
        at = positions.get(key)
        return None if at is None else self.outputs[place.index][at]

    async def load(self, asked: Mapping[str, dict[Any, None]]) -> Mapping[str, Mapping[Any, Any]]:
        """What the loaders say, each asked once with all of its keys."""
        found = await self.loaders.read({name: list(keys) for name, keys in asked.items()})
        if self.loaders.store.damaged:
            raise Unforeseen("damaged")
        return found

    def tell(self, asked: Asked, paths: Sequence[Path]) -> None:
        """Fields at these paths of the response ask for something; for the trace."""
        if self.loaders.trace is not None:
            for path in paths:
                self.loaders.trace.asks(asked, path)


class Op:
    """
    Something that is read for the objects of one place.

    Attributes:
        at_once: whether it asks nothing, and can go on as soon as its place is filled.
    """

    at_once = False

    def __init__(self, place: "Place", number: int) -> None:
        self.place = place
        self.number = number

    def ask(self, run: Run) -> list[Asked]:  # noqa: ARG002  # for those that ask something
        """(loader, key) of all that it wants to know; nothing for what needs no reading."""
        return []

    def accept(self, run: Run, found: Sequence[Any] = ()) -> "list[Op]":
        """Take the answers, in the order asked; the operations that can go on now."""
        raise NotImplementedError

    def column(self, run: Run) -> Sequence[Any]:
        """What it has for each object of the place, once all below is made."""
        raise NotImplementedError


class Place:
    """
    The objects of one type at one point of an operation.

    Attributes:
        own: the record by which they exist, where they are looked up.
        ops: what is read for them.
        made: the generated function: (run, rows, keys, ups, *columns) to the answer's objects.
        columns: the operations whose columns it takes.
    """

    def __init__(self, index: int, type_name: str, own: type[Record] | None) -> None:
        self.index = index
        self.type_name = type_name
        self.own = own
        self.ops: list[Op] = []
        self.columns: list[Op] = []
        self.made: Callable[..., list[Any]] | None = None

    def opened(self, run: Run, table: Table) -> list[Op]:
        """The table is filled: what can be read for it now."""
        run.tables[self.index] = table
        return list(self.ops) if table.rows or table.keys else []

    def answer(self, run: Run) -> list[Any]:
        """The objects of the answer."""
        table = run.tables.get(self.index)
        if table is None or self.made is None or not (table.rows or table.keys):
            return []
        return self.made(run, table.rows, table.keys, table.ups, *(op.column(run) for op in self.columns))


class Program:
    """A plan, ready to run: its places, parents before children; the first is the root."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    async def data(self, run: Run) -> Any:
        """
        The `data` of the answer.

        Raises:
            Unforeseen: only the ordinary executor can tell.
            FacadeError: as above; an argument or a read was refused.
        """
        root = Table(rows=[None], keys=[()], nodes=[None], paths=[[()]] if run.traced else None)
        ready = self._places[0].opened(run, root)
        while ready:
            ready = await self._level(run, ready)
        for place in reversed(self._places):
            run.outputs[place.index] = place.answer(run)
        return run.outputs[0][0]

    @staticmethod
    async def _level(run: Run, ready: Sequence[Op]) -> list[Op]:
        """Read what these operations ask for; those that can go on then."""
        ops = _asking(run, ready)
        asked = [op.ask(run) for op in ops]
        wanted: dict[str, dict[Any, None]] = {}
        for one in asked:
            for loader, key in one:
                wanted.setdefault(loader, {})[key] = None
        found = await run.load(wanted) if wanted else {}
        going_on: list[Op] = []
        for op, one in zip(ops, asked, strict=True):
            going_on += op.accept(run, [found[loader][key] for loader, key in one])
        return going_on


def _asking(run: Run, ready: Sequence[Op]) -> list[Op]:
    """The operations that have something to ask; those that have not, go on until they lead to some."""
    asking: list[Op] = []
    pending = list(ready)
    while pending:
        op = pending.pop(0)
        if op.at_once:
            pending += op.accept(run)
        else:
            asking.append(op)
    return asking


# ------------------------------------------------------------------------------------------ rows below rows


@dataclass(frozen=True, slots=True)
class Below:
    """A place whose objects are the rows of a connection, and the response keys that lead there from it."""

    place: Place
    before: str
    after: str | None
    nodes: bool
    ups: bool


@dataclass(frozen=True, slots=True)
class PageOf:
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
        self._run = run
        self._name = name
        self._paging = run.rules.paging(given)
        # Without a cursor the window is the same for every list.
        alike = self._paging.after is None and self._paging.before is None
        self._window = self._paging.window(None, run.limits) if alike else None
        self.first = self._window.first if self._window is not None else None
        self.after = self._paging.after

    def span(self, length: int, key: tuple[str, ...]) -> Range:
        """The positions on the page of a list of this length, whose owner has this key."""
        window = self._window or self._paging.window(self.cursors(key), self._run.limits)
        span = window.span(length)
        if span is None:
            raise Unforeseen("failed")
        return span

    def cursors(self, key: tuple[str, ...]) -> Any:
        """The cursors of the list of the owner with this key."""
        return self._run.rules.cursors(self._name, *key)


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
            if entries is None:
                pages.append(None)
                continue
            start, stop = paging.span(len(entries), node.key)
            begun = len(rows)
            rows += entries[start:stop]
            positions = range(start, min(stop, len(entries)))
            page = PageOf(
                paging.cursors(node.key),
                (start, stop),
                len(entries),
                positions,
                begun,
                len(rows),
                paging.after,
            )
            pages.append(page)
        return self._open(run, pages, rows)


# ------------------------------------------------------------------------------------------- records of nodes


class Record_(Op):  # noqa: N801  # `Record` is what it reads
    """
    A further record of each object.

    Args:
        unless: (what, key): records and keys of theirs; only objects in which one of them is None are asked for.
        fields: the response keys of the fields that ask for it; for the trace.
    """

    def __init__(self, place: Place, number: int, record: type[Record], source: Source) -> None:
        super().__init__(place, number)
        self.record = record
        self.source = source
        self.always = False
        self.unless: list[tuple[Value, str]] = []
        self.fields: dict[str, Value | None] = {}

    def ask(self, run: Run) -> list[Asked]:
        """The record of each object that needs it."""
        table = run.tables[self.place.index]
        nodes = table.nodes
        wanted = [self.always or self._lacks(node) for node in nodes]
        table.columns[self.number] = wanted
        asked = [
            (self.source.loader, self.source.key(node))
            for node, one in zip(nodes, wanted, strict=True)
            if one
        ]
        if table.paths is not None:
            self._tell(run, table, asked, wanted)
        return asked

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:
        """One that does not exist, or cannot be read, is the ordinary executor's business."""
        if any(not isinstance(one, Record) for one in found):
            raise Unforeseen("failed")
        table = run.tables[self.place.index]
        rest = iter(found)
        table.columns[self.number] = [next(rest) if one else None for one in table.columns[self.number]]
        return []

    def column(self, run: Run) -> Sequence[Any]:
        """The records; None for objects that need none."""
        column: Sequence[Any] = run.tables[self.place.index].columns[self.number]
        return column

    def _lacks(self, node: Any) -> bool:
        return any(_lacking(node, value) for value, _ in self.unless)

    def _tell(self, run: Run, table: Table, asked: Sequence[Asked], wanted: Sequence[bool]) -> None:
        rest = iter(asked)
        for node, one, paths in zip(table.nodes, wanted, table.paths or (), strict=True):
            if not one:
                continue
            key = next(rest)
            for name, value in self.fields.items():
                if value is None or _lacking(node, value):
                    run.tell(key, [(*path, name) for path in paths])


def _lacking(node: Any, value: Value) -> bool:
    row = node.rows.get(value.record)
    return row is None or getattr(row, value.key) is None


class Above(Op):
    """The nodes above, each once."""

    at_once = True

    def __init__(self, place: Place, number: int, key: str, binding: Parent, above: Place) -> None:
        super().__init__(place, number)
        self.key = key
        self.binding = binding
        self.above = above

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:  # noqa: ARG002  # it asked nothing
        """Open the place above with the distinct nodes."""
        table = run.tables[self.place.index]
        parents: dict[tuple[str, ...], Any] = {}
        paths: dict[tuple[str, ...], list[Path]] = {}
        for i, node in enumerate(table.nodes):
            parent = self.binding.of(node)
            parents.setdefault(parent.key, parent)
            if table.paths is not None:
                paths.setdefault(parent.key, []).extend((*path, self.key) for path in table.paths[i])
        table.columns[self.number] = [node.key[: self.binding.parts] for node in table.nodes]
        return self.above.opened(
            run,
            Table(
                keys=list(parents),
                nodes=list(parents.values()),
                paths=[paths[key] for key in parents] if run.traced else None,
            ),
        )

    def column(self, run: Run) -> Sequence[Any]:
        """The answer's object of the node above each; equal nodes share one."""
        made = dict(zip(run.tables[self.above.index].keys, run.outputs[self.above.index], strict=True))
        return [made[key] for key in run.tables[self.place.index].columns[self.number]]


# -------------------------------------------------------------------------------------------- from the root


class Exists(Op):
    """
    Which of the nodes looked up exist: those whose own record is read, or that something else proves.

    Args:
        own: where the own record comes from.
        proofs: the operations of this place whose answers prove it; empty to read the own record.
    """

    def __init__(self, place: Place, number: int, own: Source, proofs: Sequence[Op]) -> None:
        super().__init__(place, number)
        self.own = own
        self.proofs = proofs

    def ask(self, run: Run) -> list[Asked]:
        """The own record of each, or what proves it."""
        table = run.tables[self.place.index]
        if self.proofs:
            traced, run.traced = run.traced, False
            paths, table.paths = table.paths, None
            asked = [one for proof in self.proofs for one in proof.ask(run)]
            run.traced, table.paths = traced, paths
        else:
            asked = [(self.own.loader, self.own.key(node)) for node in table.nodes]
        for at, one in enumerate(asked):
            if table.paths is not None:
                # A list of ids asks as a whole.
                run.tell(one, [path[:1] for path in table.paths[at % len(table.nodes)]])
        return asked

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:
        """Go on with those that exist."""
        table = run.tables[self.place.index]
        count = len(table.nodes)
        kept: list[int] = []
        for i in range(count):
            outcomes = found[i::count]
            if any(outcome is None or isinstance(outcome, GatewayNotFound) for outcome in outcomes):
                continue
            if any(isinstance(outcome, Exception) for outcome in outcomes):
                raise Unforeseen("failed")
            kept.append(i)
        if self.proofs and len(kept) == count and not run.traced:
            # What proved them is what they ask for: it need not be asked again.
            going_on = [op for op in self.place.ops if op is not self and op not in self.proofs]
            for i, proof in enumerate(self.proofs):
                going_on += proof.accept(run, found[i * count : (i + 1) * count])
            return going_on
        nodes = [table.nodes[i] for i in kept]
        rows = [] if self.proofs else [found[i] for i in kept]
        if not self.proofs:
            for node, row in zip(nodes, rows, strict=True):
                node.rows[self.place.own] = row
        left = Table(
            rows=rows,
            keys=[table.keys[i] for i in kept],
            nodes=nodes,
            paths=None if table.paths is None else [table.paths[i] for i in kept],
        )
        run.tables[self.place.index] = left
        return [op for op in self.place.ops if op is not self] if kept else []


@dataclass(frozen=True, slots=True)
class Searched:
    """
    One field that looks nodes up, and the place for each type that it may find.

    Attributes:
        named: what its arguments name, once that is known to be the same each time.
    """

    key: str
    binding: Lookup
    arguments: Arguments
    places: Mapping[str, Place]
    named: list[list[tuple[Place, tuple[str, ...]]]] = field(default_factory=list)


class Lookups(Op):
    """All fields of the root that look nodes up: what they select alike is read together."""

    at_once = True

    def __init__(self, place: Place, number: int, nodes: Mapping[str, type[Any]]) -> None:
        super().__init__(place, number)
        self.searched: list[Searched] = []
        self._nodes = nodes

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:  # noqa: ARG002  # it asked nothing
        """Open the places with the nodes that they are asked for, each once."""
        wanted: dict[int, tuple[Place, Table, dict[tuple[str, ...], int]]] = {}
        keys: list[list[tuple[Place, tuple[str, ...]]]] = []
        for one in self.searched:
            keys.append(self._keys(run, one))
            for at, (place, key) in enumerate(keys[-1]):
                _, table, positions = wanted.setdefault(
                    place.index, (place, Table(paths=[] if run.traced else None), {})
                )
                position = positions.setdefault(key, len(table.keys))
                if position == len(table.keys):
                    table.keys.append(key)
                    table.nodes.append(self._nodes[place.type_name](key=key, rows={}))
                    if table.paths is not None:
                        table.paths.append([])
                if table.paths is not None:
                    table.paths[position].append((one.key, at) if one.binding.many else (one.key,))
        run.tables[self.place.index].columns[self.number] = keys
        going_on: list[Op] = []
        for place, table, _ in wanted.values():
            run.tables[place.index] = table
            going_on.append(place.ops[0])
        return going_on

    def _keys(self, run: Run, one: Searched) -> list[tuple[Place, tuple[str, ...]]]:
        if one.named:
            return one.named[0]
        given = one.arguments.of(run.variables)
        ids = given[one.binding.argument]
        if one.binding.many:
            run.rules.check_ids(ids, run.limits)
        named = [one.binding.key(given, text) for text in (ids if one.binding.many else [ids])]
        if any(type_name not in one.places for type_name, _ in named):
            raise Unforeseen("failed")
        keys = [(one.places[type_name], key) for type_name, key in named]
        if one.arguments.constant:
            one.named.append(keys)
        return keys

    def of(self, at: int) -> "Found":
        """The column of one of the fields."""
        return Found(self, at)


class Found(Op):
    """What one field found: an object of the answer, or None, or a list of them."""

    def __init__(self, lookups: Lookups, at: int) -> None:
        super().__init__(lookups.place, -1)
        self._lookups = lookups
        self._at = at

    def column(self, run: Run) -> Sequence[Any]:
        """One value, since there is one root."""
        keys = run.tables[self.place.index].columns[self._lookups.number][self._at]
        found = [run.object_at(place, key) for place, key in keys]
        return [found if self._lookups.searched[self._at].binding.many else found[0]]


class Galleries(Op):
    """A list of templates."""

    def __init__(self, place: Place, number: int, key: str, binding: Gallery, arguments: Arguments) -> None:
        super().__init__(place, number)
        self.key = key
        self.binding = binding
        self.arguments = arguments
        self.made: Callable[[Sequence[Any]], list[Any]] | None = None

    def ask(self, run: Run) -> list[Asked]:
        """The gallery, with these filters."""
        asked = (self.binding.loader, self.binding.key(self.arguments.of(run.variables)))
        run.tell(asked, [(self.key,)])
        return [asked]

    def accept(self, run: Run, found: Sequence[Any] = ()) -> list[Op]:
        """Its rows."""
        if not isinstance(found[0], list):
            raise Unforeseen("failed")
        run.tables[self.place.index].columns[self.number] = found[0]
        return []

    def column(self, run: Run) -> Sequence[Any]:
        """The templates, as the one value of the root."""
        if self.made is None:
            raise TypeError("a gallery without its function")
        return [self.made(run.tables[self.place.index].columns[self.number])]
