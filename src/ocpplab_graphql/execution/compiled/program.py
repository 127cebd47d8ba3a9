"""
What a compiled query is: places, and what is read for each, level by level.

An operation first says what it asks for; when all of a level have said so, each loader is asked once,
with all of it. So batches are complete by construction, and no timer waits for more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from graphql.execution.values import VariableValues

from ocpplab_graphql.execution.compiled.rules import Rules
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import Loaders

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


class Table(msgspec.Struct):  # not a dataclass: it is made several times for the smallest query
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

    rows: list[Any] = []
    keys: list[tuple[str, ...]] = []
    ups: list[Any] = []
    nodes: list[Any] = []
    paths: list[list[Path]] | None = None
    columns: dict[int, Any] = {}


class Run:
    """
    One execution of a program: variables in, tables filled.

    Attributes:
        memory: what operations make once for all that they are asked.
    """

    def __init__(self, variables: VariableValues, loaders: Loaders, limits: Any, rules: Rules) -> None:
        self.variables = variables
        self.loaders = loaders
        self.limits = limits
        self.rules = rules
        self.traced = loaders.trace is not None
        self.tables: dict[int, Table] = {}
        self.outputs: dict[int, list[Any]] = {}
        self.memory: dict[str, Any] = {}
        self._positions: dict[int, dict[tuple[str, ...], int]] = {}

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
