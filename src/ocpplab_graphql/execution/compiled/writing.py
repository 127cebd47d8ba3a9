"""Writing Python: names, functions and the types of the answer's objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from graphql import GraphQLSchema

from ocpplab_graphql.execution.compiled.nodes import FurtherRecord
from ocpplab_graphql.execution.compiled.program import Op, Place, Unforeseen
from ocpplab_graphql.execution.compiled.rows import paging_of
from ocpplab_graphql.gateway.records import Record


class Uncovered(Exception):
    """A plan with something that is always left to the ordinary executor."""


@dataclass(slots=True)
class Scope:
    """
    Where an expression stands: which variables tell what of the object.

    Attributes:
        key: an expression per part of the object's key; or one that is the whole tuple.
        records: the variable that holds each record at hand.
        carried: expressions of what the parent's record tells.
        var: the object itself, when it is no node.
        place: where what must be read is noted; None where nothing may be read.
        plain: the name of what tells that no id holds anything unusual; noted when it is asked for.
    """

    type_name: str
    key: tuple[str, ...] | str = ()
    records: dict[type[Record], str] = field(default_factory=dict)
    carried: dict[tuple[type[Record], str], str] = field(default_factory=dict)
    var: str | None = None
    place: "Draft | None" = None
    plain: str | None = None
    used: set[str] = field(default_factory=set)


class Draft(Place):
    """A place while it is compiled."""

    def __init__(self, index: int, type_name: str, own: type[Record] | None = None) -> None:
        super().__init__(index, type_name, own)
        self.records: dict[type[Record], FurtherRecord] = {}
        self.needs_nodes = False
        # Lines of its function that come before the rows are made.
        self.prologue: list[str] = []


class Writing:
    """The source of a program's functions, while it is written."""

    def __init__(self, schema: GraphQLSchema, *, thorough: bool) -> None:
        self._schema = schema
        self._thorough = thorough
        self._names: dict[str, Any] = {
            "_incomplete": _incomplete,
            "_null": _null,
            "_paging_of": paging_of,
        }
        self._source: list[str] = []
        self._count = 0
        self._structs: dict[tuple[str, ...], str] = {}
        self._places: list[Draft] = []
        self._ops = 0
        self._pending: list[Callable[[], None]] = []

    def _place(self, type_name: str, own: type[Record] | None = None) -> Draft:
        place = Draft(len(self._places), type_name, own)
        self._places.append(place)
        return place

    def _number(self) -> int:
        self._ops += 1
        return self._ops

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _constant(self, value: Any, prefix: str = "k") -> str:
        name = self._fresh(prefix)
        self._names[name] = value
        return name

    def _define(self, name: str, parameters: Sequence[str], lines: Sequence[str]) -> None:
        self._source.append(f"def {name}({', '.join(parameters)}):")
        self._source += [f"    {line}" for line in lines]

    def _bound(self, name: str, bind: Callable[[Any], None]) -> None:
        """Hand a generated function on, once it exists."""
        self._pending.append(lambda: bind(self._names[name]))

    def _struct(self, keys: Sequence[str]) -> str:
        """The name of a type that encodes to an object with these keys, made of its values in their order."""
        known = self._structs.get(tuple(keys))
        if known is None:
            fields = [(f"f{i}", Any) for i in range(len(keys))]
            rename = {f"f{i}": key for i, key in enumerate(keys)}
            made = msgspec.defstruct("Answer", fields, rename=rename, gc=False)
            known = self._structs[tuple(keys)] = self._constant(made, "O")
        return known

    def _finish(self, place: Draft, scope: Scope, made: str) -> None:
        """Write the function of a place, now that it is known what it takes."""
        name = self._fresh("place")
        columns = [f"column{i}" for i in range(len(place.columns))]
        takes = [
            ("r", "rows", "r" in scope.used),
            ("k", "keys", "k" in scope.used),
            ("u", "ups", "u" in scope.used),
        ]
        zipped = [(var, of) for var, of, used in takes if used]
        zipped += [(f"c{i}", column) for i, column in enumerate(columns)]
        match zipped:
            case []:
                loop = "_ in rows or keys"
            case [(var, of)]:
                loop = f"{var} in {of}"
            case _:
                loop = f"{', '.join(v for v, _ in zipped)} in zip({', '.join(of for _, of in zipped)}, strict=True)"
        lines = [*place.prologue, f"return [{made} for {loop}]"]
        self._define(name, ["run", "rows", "keys", "ups", *columns], lines)

        def bind(function: Any) -> None:
            place.made = function

        self._bound(name, bind)

    def _column(self, place: Draft, op: Op) -> str:
        """The variable of an operation's column, in the function of its place."""
        if op not in place.columns:
            place.columns.append(op)
        return f"c{place.columns.index(op)}"


def _incomplete() -> Any:
    raise Unforeseen("incomplete")


def _null() -> Any:
    raise Unforeseen("null")
