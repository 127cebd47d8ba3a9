"""
How much an operation asks of the schema itself: pure, over a valid document.

Introspection makes no gateway call, so that no bound on calls or rows holds it, and yet 240 aliases of `__schema` keep
a process busy for seconds. Counted is what would be answered, by the sizes of the schema's own lists.
"""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
)

_ROOTS = {"__schema", "__type"}
# Beyond this, a number is only "too many": sums of shared fragments grow exponentially.
_CAP = 1_000_000_000


def list_sizes(schema: GraphQLSchema) -> dict[str, float]:
    """How many entries a list of introspection has: of `types` exactly, of the others on an average type."""
    types = list(schema.type_map.values())
    with_fields = [t for t in types if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for t in with_fields for field in t.fields.values()]
    inputs = [len(t.fields) for t in types if isinstance(t, GraphQLInputObjectType)]
    values = [len(t.values) for t in types if isinstance(t, GraphQLEnumType)]
    return {
        "types": len(types),
        "directives": len(schema.directives),
        "fields": len(fields) / len(types),
        "args": sum(len(field.args) for field in fields) / max(1, len(fields)),
        "inputFields": sum(inputs) / len(types),
        "enumValues": sum(values) / len(types),
    }


def introspected(document: DocumentNode, sizes: Mapping[str, float]) -> int:
    """The fields of introspection that the greediest operation of a document would bring, about."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    counting = _Counting(fragments, sizes)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return round(max((counting.below(o.selection_set, inside=False) for o in operations), default=0))


class _Counting:
    """One walk: each fragment is counted once on either side of `__schema`, so it is linear in the document."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], sizes: Mapping[str, float]) -> None:
        self._fragments = fragments
        self._sizes = sizes
        self._known: dict[tuple[int, bool], float] = {}

    def below(self, selected: SelectionSetNode, *, inside: bool) -> float:
        """What a selection brings for one object."""
        key = (id(selected), inside)
        if key not in self._known:
            self._known[key] = min(_CAP, sum(self._of(node, inside=inside) for node in selected.selections))
        return self._known[key]

    def _of(self, node: object, *, inside: bool) -> float:
        if isinstance(node, FieldNode):
            name = node.name.value
            times = self._sizes.get(name, 1) if inside else 1
            inside = inside or name in _ROOTS
            below = self.below(node.selection_set, inside=inside) if node.selection_set else 0
            return times * (inside + below)
        if isinstance(node, FragmentSpreadNode):
            return self.below(self._fragments[node.name.value].selection_set, inside=inside)
        return self.below(node.selection_set, inside=inside)  # type: ignore[attr-defined]  # an inline fragment
