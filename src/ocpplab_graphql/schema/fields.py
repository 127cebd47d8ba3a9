"""
Strawberry fields from bindings: the one place where a declaration becomes a resolver.

No resolver elsewhere only reads an attribute. The binding stays on the field as metadata, where a
compiled executor finds the same declaration.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from strawberry import UNSET

from ocpplab_graphql.errors import NotFound
from ocpplab_graphql.execution.bindings import (
    BINDING,
    Binding,
    Computed,
    Embedded,
    GlobalId,
    Many,
    Parent,
    Part,
    RowNode,
    Single,
    Source,
    Value,
)
from ocpplab_graphql.execution.selection import selects
from ocpplab_graphql.gateway.decode import Invalid, checked
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import GatewayList
from ocpplab_graphql.schema.connections import (
    After,
    Before,
    Connection,
    Cursors,
    First,
    Last,
    PageOfRows,
    Paging,
    cursors_of,
    plain_edge,
)
from ocpplab_graphql.schema.context import Info

# What needs the rows of a list; everything else follows from its total.
ROWS = (("nodes",), ("edges", "node"))
# The cursors of a list are kept, but not with a filter that is longer: it may be any text of a client.
_KEPT_LENGTH_MAX = 256


def part(index: int, *, description: str) -> Any:
    """A field that is part of its node's key."""
    return _field(Part(index), description)


def value(record: type[Record], key: str, *, otherwise: type[Record] | None = None, description: str) -> Any:
    """A field that is a value of a record."""
    return _field(Value(record, key, otherwise), description)


def global_id(binding: GlobalId, *, description: str) -> Any:
    """A field that is the node's global id."""
    return _field(binding, description)


def computed(function: Callable[..., Any], *needs: Value | Part, description: str) -> Any:
    """A field that is computed from values."""
    return _field(Computed(function, needs), description)


def single(record: type[Record], node: Callable[[], type[Any]], owner: str, *, description: str) -> Any:
    """A field that is an object of its own, read by its owner's key."""
    return _field(Single(record, node, owner), description)


def parent(node: Callable[[], type[Any]], parts: int, *, description: str) -> Any:
    """A field that is the node above: the first `parts` parts of this node's key."""
    return _field(Parent(node, parts), description)


def many(of: Any, item: RowNode, *, proves: bool = False, description: str) -> Any:
    """A connection over a list of the gateway."""
    binding = Many(of, item, proves)

    async def resolve(
        root: strawberry.Parent[Any],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        return await connection(binding, root, info, Paging.of(first, after, last, before), {})

    return strawberry.field(resolver=resolve, description=description, metadata={BINDING: binding})


async def connection(
    binding: Many, root: Any, info: Info, paging: Paging, filters: Mapping[str, Any]
) -> "Connection[Any]":
    """
    A window of a list of the gateway.

    Raises:
        BadUserInput: paging arguments that do not fit.
        GatewayError: a page could not be read.
    """
    of, cursors = list_of(binding, root, filters)
    window = paging.window(cursors, info.context.limits, rows=selects(info._raw_info, *ROWS))
    found = await info.context.loaders.load("window", (of, window), info.path)
    item = _readable(binding.item, root)
    page = PageOfRows(
        cursors, found.span, found.total, found.rows, item, plain_edge, paging.after, found.counted
    )
    return Connection(page=page)


def window_of(binding: Many, root: Any, info: Info, given: Mapping[str, Any], *, rows: bool) -> Any:
    """The list and the window that a connection below this field will ask for."""
    of, cursors = list_of(binding, root, given)
    paging = Paging(*(given.get(name) for name in ("first", "after", "last", "before")))
    return of, paging.window(cursors, info.context.limits, rows=rows)


def embedded(binding: Embedded, connection_type: type[Any], *, description: str) -> Any:
    """A connection over a list that a record holds whole."""

    async def resolve(
        root: strawberry.Parent[Any],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        paging = Paging.of(first, after, last, before)
        cursors = cursors_of(binding.name, *root.key)
        window = paging.window(cursors, info.context.limits)
        rows = await awaited(read(root, binding.value, info))
        if rows is None:
            return None
        return connection_type(
            page=page_of(rows, window, cursors, paging, _readable(binding.item, root), binding.edge)
        )

    return strawberry.field(resolver=resolve, description=description, metadata={BINDING: binding})


def page_of(rows: Any, window: Any, cursors: Cursors, paging: Paging, item: Any, edge: Any) -> PageOfRows:
    """The page of a list that is wholly at hand."""
    span = window.span(len(rows))
    return PageOfRows(
        cursors, span, len(rows), [(p, rows[p]) for p in range(*span)], item, edge, paging.after
    )


def read(source: Any, binding: Part | GlobalId | Value | Computed, info: Info) -> Any:
    """
    What a binding says of a node or embedded record: the value, or an awaitable of it.

    Raises:
        GatewayInvalidResponse: the gateway sent another type than this value has.
    """
    if isinstance(binding, Value):
        return _read_value(source, binding, info)
    if isinstance(binding, Part):
        return source.key[binding.index]
    if isinstance(binding, GlobalId):
        return binding.spelt(source.key)
    values = [read(source, need, info) for need in binding.needs]
    if any(isinstance(v, Awaitable) for v in values):
        return _compute_later(binding, values)
    return binding.function(*values)


async def awaited(found: Any) -> Any:
    """A value that may have to be waited for."""
    return await found if isinstance(found, Awaitable) else found


async def load_row(node: Any, record: type[Record], info: Info) -> Any:
    """
    A record of a node, read if it is not at hand; None if it does not exist.

    Raises:
        GatewayError: it could not be read.
    """
    row = node.rows.get(record)
    if row is None:
        source: Source = node.sources[record]
        row = await info.context.loaders.load(source.loader, source.key(node), info.path)
        if row is not None:
            node.rows[record] = row
    return row


def _field(binding: Binding, description: str) -> Any:
    return strawberry.field(resolver=_resolver(binding), description=description, metadata={BINDING: binding})


def _resolver(binding: Binding) -> Callable[..., Any]:
    match binding:
        case Single():

            async def resolve_single(root: strawberry.Parent[Any], info: Info) -> Any:
                row = await load_row(root, binding.record, info)
                if row is None:
                    raise _gone(root)
                return binding.of(root, row)

            return resolve_single
        case Parent():

            def resolve_parent(root: strawberry.Parent[Any]) -> Any:
                return binding.of(root)

            return resolve_parent
        case Part() | GlobalId() | Value() | Computed():

            def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
                return read(root, binding, info)

            return resolve
    raise TypeError(f"{type(binding).__name__} has arguments and makes its own field")


def _read_value(source: Any, binding: Value, info: Info) -> Any:
    if isinstance(source, Record | Invalid):
        checked(source, "object")
        return checked(getattr(source, binding.key), binding.key)
    row = checked(source.rows.get(binding.record), "row")
    if row is not None:
        found = checked(getattr(row, binding.key), binding.key)
        if found is not None or binding.otherwise is None:
            return found
    record = binding.record if row is None and binding.record in source.sources else binding.otherwise
    if record is None:
        return None
    return _read_later(source, record, binding.key, info)


async def _read_later(node: Any, record: type[Record], key: str, info: Info) -> Any:
    row = await load_row(node, record, info)
    if row is None:
        raise _gone(node)
    return checked(getattr(row, key), key)


async def _compute_later(binding: Computed, values: list[Any]) -> Any:
    return binding.function(*[await awaited(v) for v in values])


def _gone(node: Any) -> NotFound:
    return NotFound(f"This {type(node).__name__} is no longer there.")


def _readable(item: RowNode, root: Any) -> Callable[[Any], Any]:
    """The node of a row; for a row that cannot be read the exception that says so."""

    def node(row: Any) -> Any:
        if type(row) is Invalid:
            try:
                checked(row, "row")
            except Exception as error:
                return error
        return item.of(root, row)

    return node


def list_of(binding: Many, root: Any, given: Mapping[str, Any]) -> tuple[GatewayList, Cursors]:
    """The list that a connection reads, and the cursors that bear its name."""
    of = binding.of(root, given)
    parts = [str(getattr(of, name)) for name in of.__struct_fields__]
    if max(map(len, parts), default=0) > _KEPT_LENGTH_MAX:
        return of, cursors_of.__wrapped__(type(of).__name__, *parts)
    return of, cursors_of(type(of).__name__, *parts)
