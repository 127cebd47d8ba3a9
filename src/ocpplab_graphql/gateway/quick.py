"""
Rows decoded without a look at each id, and all ids looked at together.

msgspec calls Python's `re` for each text that has a pattern: 0.3 µs for an id, which is most of what decoding a page
of locations with their chargers takes. One search in all ids joined takes a tenth of it. What does not pass is
decoded again, each id by itself, so that only the row with the bad id is lost.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT

from ocpplab_graphql.gateway.records import ID_LENGTH_MAX, Id, Record

# Types are made per selection, and selections are the clients' to choose: so they are bounded.
_KEPT = 1024
_NO_ID = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Quick:
    """
    A row's type without its patterns.

    Attributes:
        type: decodes the same, but for ids that are any text.
        ids: all ids in some rows of it.
    """

    type: type[Record]
    ids: Callable[[Sequence[Any]], list[str]]


@lru_cache(maxsize=_KEPT)
def quick_of(row: type[Record]) -> Quick:
    """The quick form of a row's type, where it is narrowed; whole records are decoded as they are declared."""
    if row.__module__ == Record.__module__:
        return Quick(row, lambda _rows: [])
    fields: list[tuple[str, Any, Any]] = []
    finders: list[Callable[[Sequence[Any]], list[str]]] = []
    for one in msgspec.structs.fields(row):
        of_type, finder = _loosened(one.name, one.type)
        fields.append((one.name, of_type, one.default))
        if finder is not None:
            finders.append(finder)
    if not finders:
        return Quick(row, lambda _rows: [])
    made = record_type(row.__name__, fields, row.KEY)
    if len(finders) == 1:
        return Quick(made, finders[0])
    return Quick(made, lambda rows: list(chain.from_iterable([finder(rows) for finder in finders])))


def record_type(name: str, fields: Sequence[tuple[str, Any, Any]], key: str | None) -> type[Record]:
    """A record made at run time, of (name, type, default or NODEFAULT) of each field."""
    made = msgspec.defstruct(
        name,
        [(n, t) if default is NODEFAULT else (n, t, default) for n, t, default in fields],
        bases=(Record,),
        frozen=True,
        kw_only=True,
        gc=False,
    )
    made.KEY = key  # type: ignore[attr-defined]  # defstruct knows no class variables
    return made  # type: ignore[return-value]  # it has this base


def options(of_type: Any) -> tuple[Any, ...]:
    """The types that a union allows; any other type alone."""
    return get_args(of_type) if get_origin(of_type) in (Union, UnionType) else (of_type,)


def are_ids(texts: Sequence[str]) -> bool:
    """Whether each of these is what `records.Id` says."""
    if not texts:
        return True
    lengths = set(map(len, texts))
    shortest = min(lengths)
    return (
        shortest > 0
        and max(lengths) <= ID_LENGTH_MAX
        and (shortest > 2 or {".", ".."}.isdisjoint(texts))
        and _NO_ID.search("~".join(texts)) is None
    )


def _loosened(name: str, of_type: Any) -> tuple[Any, Callable[[Sequence[Any]], list[str]] | None]:
    """A field's type without patterns, and what finds the ids in it."""
    value = attrgetter(name)
    if of_type == Id:
        return str, lambda rows: list(map(value, rows))
    if Id in options(of_type):
        others = tuple(option for option in options(of_type) if option != Id)
        loose: Any = Union.__getitem__((str, *others))
        return loose, lambda rows: [found for found in map(value, rows) if found is not None]
    rows_type = next((t for t in options(of_type) if _is_rows(t)), None)
    if rows_type is None:
        return of_type, None
    quick = quick_of(get_args(rows_type)[0])
    loosened = (list[quick.type] if t is rows_type else t for t in options(of_type))  # type: ignore[name-defined]  # made at run time

    def below(rows: Sequence[Any]) -> list[str]:
        return quick.ids(list(chain.from_iterable(filter(None, map(value, rows)))))

    return Union.__getitem__(tuple(loosened)), below


def _is_rows(of_type: Any) -> bool:
    return get_origin(of_type) is list and issubclass(get_args(of_type)[0], Record)
