"""
How a field gets its value, as data: declared once, on the Strawberry field, read by whoever executes.

    Part        a part of the node's own key                        never a call
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
is the record itself.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders import GatewayList

BINDING = "binding"


@dataclass(frozen=True, slots=True)
class Source:
    """Where one record of a node comes from: which loader, asked with what."""

    loader: str
    key: Callable[[Any], Hashable]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the node's key, by its index."""

    index: int


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
    """An object made of `record`, which is read with this node's key; `key` gives the new node's key."""

    record: type[Record]
    node: Callable[[], type[Any]]
    key: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Parent:
    """The node that this node's key names above it."""

    node: Callable[[], type[Any]]
    key: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Many:
    """
    A connection over a list of the gateway.

    Attributes:
        of: the list, given the node (or None at the root) and the field's own arguments.
        item: the node that a row becomes, given the parent's node.
        proves: whether reading it proves that the parent exists (its 404 means the parent).
    """

    of: Callable[[Any, Mapping[str, Any]], GatewayList]
    item: Callable[[Any, Any], Any]
    proves: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """A connection over a list inside a record of the node, which comes whole with it."""

    value: Value
    edge: Callable[[Any, Any, str], Any]
    path: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Named:
    """A connection over rows that `value` names by id; they are of the type `node`, below a CPO."""

    value: Value
    node: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """
    Nodes by their ids.

    Attributes:
        argument: the name of the argument that holds the id, or the ids.
        node: the type; None if the id itself tells it.
    """

    argument: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """A list of templates, by the template of its route."""

    route: str


@dataclass(frozen=True, slots=True)
class Write:
    """A change, by method and template of its route."""

    route: str


@dataclass(frozen=True, slots=True)
class Given:
    """An object of which the answer to a write brought these records."""

    records: tuple[type[Record], ...] = ()


Binding = (
    Part | Value | Computed | Single | Parent | Many | Embedded | Named | Lookup | Gallery | Write | Given
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
