"""
How large a document is, before it is validated: pure, over the syntax tree alone.

Fields are merged as execution merges them, so that what fragments repeat counts where it would run.
Linear in the document: a merged selection is measured once, however many spreads lead to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

# Beyond this, a number is only "too many": sums of shared fragments grow exponentially.
_CAP = 1_000_000
# Deeper than any limit allows: there the walk ends, so that it cannot exhaust the stack.
DEPTH_SEEN_MAX = 120


@dataclass(frozen=True, slots=True)
class Shape:
    """
    The size of what an operation selects, fragments expanded.

    Attributes:
        depth: levels of fields, up to 120.
        fields: fields in all; capped at a million.
        aliases: fields with an alias of their own; capped likewise.
        root_fields: fields at the root.
        comparisons: pairs of fields that validation compares to find conflicts; capped likewise.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    root_fields: int = 0
    comparisons: int = 0


def measure(document: DocumentNode) -> Shape:
    """The largest of each measure over the operations of a document."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    walker = _Walker(fragments)
    shapes = [
        walker.measure((d.selection_set,), frozenset())
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode)
    ]
    return _largest(shapes)


class _Walker:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._measured: dict[frozenset[int], Shape] = {}

    def measure(self, sets: Iterable[SelectionSetNode], above: frozenset[frozenset[int]]) -> Shape:
        """The shape of selection sets merged into one. A cycle, which validation refuses, ends it."""
        if len(above) >= DEPTH_SEEN_MAX:
            return Shape(depth=1)
        sets = tuple(sets)
        key = frozenset(map(id, sets))
        if key in above:
            return Shape()
        known = self._measured.get(key)
        if known is None:
            known = self._measured[key] = self._merged(sets, above | {key})
        return known

    def _merged(self, sets: Iterable[SelectionSetNode], above: frozenset[frozenset[int]]) -> Shape:
        groups: dict[str, list[FieldNode]] = {}
        for node in self._fields(sets):
            groups.setdefault((node.alias or node.name).value, []).append(node)
        depth = fields = aliases = comparisons = 0
        for nodes in groups.values():
            below = self.measure((n.selection_set for n in nodes if n.selection_set), above)
            depth = max(depth, 1 + below.depth)
            fields += 1 + below.fields
            aliases += (nodes[0].alias is not None) + below.aliases
            comparisons += len(nodes) * (len(nodes) - 1) // 2 + below.comparisons
        return Shape(depth, min(fields, _CAP), min(aliases, _CAP), len(groups), min(comparisons, _CAP))

    def _fields(self, sets: Iterable[SelectionSetNode]) -> Iterator[FieldNode]:
        visited: set[str] = set()
        pending: list[SelectionNode] = [node for one in sets for node in reversed(one.selections)]
        while pending:
            node = pending.pop()
            if isinstance(node, FieldNode):
                yield node
            else:
                pending.extend(reversed(self._below(node, visited)))

    def _below(self, node: SelectionNode, visited: set[str]) -> tuple[SelectionNode, ...]:
        """The selections of a fragment, each fragment once."""
        if not isinstance(node, FragmentSpreadNode):
            return tuple(node.selection_set.selections)  # type: ignore[attr-defined]  # an inline fragment
        name = node.name.value
        fragment = self._fragments.get(name)
        if name in visited or fragment is None:
            return ()
        visited.add(name)
        return tuple(fragment.selection_set.selections)


def _largest(shapes: list[Shape]) -> Shape:
    return Shape(*(max((getattr(s, name) for s in shapes), default=0) for name in Shape.__slots__))
