"""
How a field gets its value, as data: declared once, on the Strawberry field, read by whoever executes.

    Part        a part of the node's own key                        never a call
    GlobalId    the node's type and key, as one text                never a call
    Value       a key of one of the node's records                  a call if the node has it not yet
    Computed    a pure function of values and parts                  what they cost
    Single      another object with this node's key                 one read
    Parent      the node above, by the part of the key it shares    never a call
    Many        a connection over a list of the gateway             the window's calls
    Embedded    a connection over a list inside one of the records  what the record costs
    Named       a connection over rows that a record names by id    a read of each, or pages
    Lookup      nodes by their ids, from the root                   a read of each, or pages
    Gallery     a whole list of templates                           one call
    Write       a change                                            one call, never repeated
    Given       an object that the answer to a write brought        never a call

A node is anything with a `key`, `rows` (record type to record) and `sources`; an embedded object
is the record itself. `RowNode` says which node a row of a list becomes.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import GatewayList

BINDING = "binding"


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where one record of a node comes from. The first of a type's `sources` is the record whose existence is the node's.

    Attributes:
        route: method and template of the call that reads it alone.
        loader: what reads it, asked with `key` of the node.
    """

    route: str
    loader: str
    key: Callable[[Any], Hashable]


Sources = Mapping[type[Record], Source]


def sources_of(of_type: Any) -> Sources:
    """Where the records of a GraphQL object type come from; nothing for a type of which none is read."""
    definition = (of_type.extensions or {}).get("strawberry-definition")
    sources: Sources = getattr(getattr(definition, "origin", None), "sources", {})
    return sources


def own_record(sources: Sources) -> type[Record] | None:
    """The record whose existence is the node's; None for a type of which none is read."""
    return next(iter(sources), None)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the node's key, by its index."""

    index: int


@dataclass(frozen=True, slots=True)
class GlobalId:
    """
    The type's name and the parts of the key, joined by colons.

    Attributes:
        spelt_part: a part as it stands in the id; whatever is unusual in it is encoded.
        is_plain: whether a text holds nothing unusual, and so stands as it is.
    """

    type_name: str
    spelt_part: Callable[[str], str]
    is_plain: Callable[[str], bool]

    def spelt(self, key: Iterable[str]) -> str:
        """The whole id."""
        return ":".join((self.type_name, *map(self.spelt_part, key)))


@dataclass(frozen=True, slots=True)
class Value:
    """`key` of the node's `record`; where that record is not at hand, or has none, of `otherwise`."""

    record: type[Record]
    key: str
    otherwise: type[Record] | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """`function` of the values named in `needs`, in their order."""

    function: Callable[..., Any]
    needs: tuple[Value | Part, ...]


@dataclass(frozen=True, slots=True)
class Single:
    """An object made of `record`, which is read with this node's key; `owner` goes before its own key."""

    record: type[Record]
    node: Callable[[], type[Any]]
    owner: str

    def of(self, node: Any, row: Any) -> Any:
        """The object of a node."""
        return self.node()(key=(self.owner, *node.key), rows={self.record: row})


@dataclass(frozen=True, slots=True)
class Parent:
    """The node above, whose key is the first `parts` parts of this node's key."""

    node: Callable[[], type[Any]]
    parts: int

    def of(self, node: Any) -> Any:
        """The node above, of which only the key is known."""
        return self.node()(key=node.key[: self.parts], rows={})


@dataclass(frozen=True, slots=True)
class Carried:
    """What the parent's record tells of a row's node: `key` of a `record` is the parent's `value`, if it is text."""

    record: type[Record]
    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class RowNode:
    """
    The node that a row becomes.

    Attributes:
        record: what the row is.
        node: the node's type; None if the row itself is the object.
        above: how many parts of the parent's key come before the row's own id.
        carried: what the parent's record tells of it.
    """

    record: type[Record]
    node: Callable[[], type[Any]] | None = None
    above: int = 0
    carried: Carried | None = None

    def of(self, parent: Any, row: Any) -> Any:
        """The node of a row below a parent (None at the root)."""
        if self.node is None:
            return row
        own = getattr(row, str(self.record.KEY))
        key = (*parent.key[: self.above], own) if self.above else (own,)
        rows: dict[type[Record], Any] = {self.record: row}
        if self.carried is not None:
            told = getattr(parent.rows[self.carried.value.record], self.carried.value.key)
            if isinstance(told, str):
                rows[self.carried.record] = self.carried.record(**{self.carried.key: told})
        return self.node()(key=key, rows=rows)


@dataclass(frozen=True, slots=True)
class Many:
    """
    A connection over a list of the gateway.

    Attributes:
        of: the list, given the node (or None at the root) and the field's own arguments.
        item: the node that a row becomes.
        proves: whether reading it proves that the parent exists (its 404 means the parent).
    """

    of: Callable[[Any, Mapping[str, Any]], GatewayList]
    item: RowNode
    proves: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """
    A connection over a list inside a record of the node, which comes whole with it.

    Attributes:
        item: the node that an entry becomes.
        edge: the edge of an entry, given the entry, its node and its cursor.
        name: of the list, for its cursors; the node's key goes behind it.
    """

    value: Value
    item: RowNode
    edge: Callable[[Any, Any, str], Any]
    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """
    A connection over rows that a record names by their ids.

    Attributes:
        value: what holds the ids, told by `ids` of it; None before there are any.
        item: the node that a row becomes.
        node: the node's type.
        loader: what reads a row, by the node's key.
        name: of the list, for its cursors; the key of the node that holds the ids goes behind it.
    """

    value: Value
    ids: Callable[[Any], list[str] | None]
    item: RowNode
    node: str
    loader: str
    name: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """
    Nodes by their ids.

    Attributes:
        argument: the name of the argument that holds the id, or the ids.
        key: the type and the key that the arguments of the field name, for each id.
        node: the type; None if the id itself tells it.
        many: whether there is a list of ids.
    """

    argument: str
    key: Callable[[Mapping[str, Any], str], tuple[str, tuple[str, ...]]]
    node: str | None = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Gallery:
    """
    A list of templates, by the template of its route.

    Attributes:
        loader: what reads it, asked with `key` of the field's arguments.
        record: what its rows are.
    """

    route: str
    loader: str
    key: Callable[[Mapping[str, Any]], Hashable]
    record: type[Record]


@dataclass(frozen=True, slots=True)
class Write:
    """A change, by method and template of its route."""

    route: str


@dataclass(frozen=True, slots=True)
class Given:
    """An object of which the answer to a write brought these records."""

    records: tuple[type[Record], ...] = ()


Binding = (
    Part
    | GlobalId
    | Value
    | Computed
    | Single
    | Parent
    | Many
    | Embedded
    | Named
    | Lookup
    | Gallery
    | Write
    | Given
)


def values_of(binding: Binding) -> tuple[Value, ...]:
    """The record values that a binding reads."""
    match binding:
        case Value():
            return (binding,)
        case Computed(needs=needs):
            return tuple(need for need in needs if isinstance(need, Value))
        case Embedded(value=value) | Named(value=value):
            return (value,)
    return ()


def reads(binding: Binding | None, record: type[Record]) -> bool:
    """Whether a value that a binding reads may come from this record."""
    values = values_of(binding) if binding is not None else ()
    return any(record in (value.record, value.otherwise) for value in values)
