"""Nodes: their further records, the nodes above them, and the nodes that are looked up from the root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocpplab_graphql.execution.bindings import Gallery, Lookup, Parent, Source, Value
from ocpplab_graphql.execution.compiled.arguments import Arguments
from ocpplab_graphql.execution.compiled.program import Asked, Op, Path, Place, Run, Table, Unforeseen
from ocpplab_graphql.gateway.errors import GatewayNotFound
from ocpplab_graphql.gateway.records import Record


class FurtherRecord(Op):
    """
    A further record of each object.

    Attributes:
        always: whether it is asked for for every object.
        unless: otherwise, only for objects in which one of these values is None.
        fields: the response keys of the fields that ask for it; for the trace.
    """

    def __init__(self, place: Place, number: int, record: type[Record], source: Source) -> None:
        super().__init__(place, number)
        self.record = record
        self.source = source
        self.always = False
        self.unless: list[Value] = []
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
        return any(_lacking(node, value) for value in self.unless)

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
            # The fields that prove it ask for themselves later; what is asked here is this field's.
            paths, table.paths = table.paths, None
            asked = [one for proof in self.proofs for one in proof.ask(run)]
            table.paths = paths
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
