"""
What an operation selects below a field, so that a resolver can read no more than that.

Pure, over graphql-core's AST: fragments, @skip and @include are taken into account.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
    is_abstract_type,
)

from ocpplab_graphql.execution.bindings import BINDING, Binding, reads, values_of
from ocpplab_graphql.gateway.records import LocationRecord, Record

ResolveInfo = GraphQLResolveInfo[Any]

# What the way to other records is found by, whatever an operation selects.
_ALWAYS: Mapping[type[Record], frozenset[str]] = {LocationRecord: frozenset({"ocpp_location_id"})}


@dataclass(frozen=True, slots=True)
class Selected:
    """A field that an operation selects: its definition, and where it stands in the document."""

    name: str
    definition: GraphQLField
    node: FieldNode

    @property
    def binding(self) -> Binding | None:
        """How the field gets its value."""
        return binding_of(self.definition)


def binding_of(definition: GraphQLField) -> Binding | None:
    """The binding declared on the Strawberry field behind a GraphQL field, if there is one."""
    field = (definition.extensions or {}).get("strawberry-definition")
    binding: Binding | None = getattr(field, "metadata", {}).get(BINDING)
    return binding


def selected_fields(info: ResolveInfo, type_name: str, path: tuple[str, ...] = ()) -> list[Selected]:
    """
    The fields selected on an object type, every alias of its own.

    Args:
        path: names of the fields that lead there from the field being resolved; () is right below it.
    """
    of_type = info.schema.get_type(type_name)
    if not isinstance(of_type, GraphQLObjectType):
        raise TypeError(f"{type_name} is not an object type")
    return [
        Selected(node.name.value, of_type.fields[node.name.value], node)
        for node in _field_nodes(info, of_type, _sets_at(info, path))
        if node.name.value in of_type.fields
    ]


def selects(info: ResolveInfo, *paths: tuple[str, ...]) -> bool:
    """Whether any of these paths of field names is selected below the field being resolved."""
    return any(
        any(node.name.value == path[-1] for node in _field_nodes(info, None, _sets_at(info, path[:-1])))
        for path in paths
    )


def needs_record(
    info: ResolveInfo, paths: Iterable[tuple[str, ...]], type_name: str, record: type[Record]
) -> bool:
    """Whether a field selected on a type at the end of one of these paths reads a record."""
    return any(
        reads(selected.binding, record)
        for path in paths
        for selected in selected_fields(info, type_name, path)
    )


def arguments(selected: Selected, info: ResolveInfo) -> Mapping[str, Any]:
    """
    The coerced arguments of a selected field.

    Raises:
        GraphQLError: a variable that is required is missing.
    """
    return get_argument_values(selected.definition, selected.node, info.variable_values)


def selected_records(
    schema: GraphQLSchema, document_fields: Iterable[tuple[str, str]]
) -> dict[type[Record], frozenset[str]]:
    """
    Per record of the gateway, the keys that fields of a document read, and those that the way to others starts from.

    Args:
        document_fields: (type name, field name) of every field in the document.
    """
    keys: dict[type[Record], set[str]] = {}
    for type_name, field_name in document_fields:
        definition = getattr(schema.get_type(type_name), "fields", {}).get(field_name)
        binding = binding_of(definition) if definition is not None else None
        for value in values_of(binding) if binding is not None else ():
            for record in (value.record, value.otherwise):
                if record is not None:
                    keys.setdefault(record, set()).add(value.key)
    for record, names in _ALWAYS.items():
        keys.setdefault(record, set()).update(names)
    return {record: frozenset(names) for record, names in keys.items()}


def _sets_at(info: ResolveInfo, path: tuple[str, ...]) -> list[SelectionSetNode]:
    """The selection sets at the end of a path of field names, from the field being resolved."""
    sets = [node.selection_set for node in info.field_nodes if node.selection_set]
    for name in path:
        nodes = [node for node in _field_nodes(info, None, sets) if node.name.value == name]
        sets = [node.selection_set for node in nodes if node.selection_set]
    return sets


def _field_nodes(
    info: ResolveInfo, of_type: GraphQLObjectType | None, sets: Iterable[SelectionSetNode]
) -> Iterator[FieldNode]:
    visited: set[str] = set()
    applies = _condition(info.schema, of_type)
    for selection_set in sets:
        yield from _walk(info, selection_set, applies, visited)


def _walk(
    info: ResolveInfo,
    selection_set: SelectionSetNode,
    applies: Callable[[Any], bool],
    visited: set[str],
) -> Iterator[FieldNode]:
    for node in selection_set.selections:
        if not is_included(node, info.variable_values):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        fragment = _fragment(info, node, visited)
        if fragment is not None and applies(fragment.type_condition):
            yield from _walk(info, fragment.selection_set, applies, visited)


def _fragment(
    info: ResolveInfo, node: Any, visited: set[str]
) -> InlineFragmentNode | FragmentDefinitionNode | None:
    if not isinstance(node, FragmentSpreadNode):
        inline: InlineFragmentNode = node
        return inline
    name = node.name.value
    if name in visited:
        return None
    visited.add(name)
    return info.fragments.get(name)


def _condition(schema: GraphQLSchema, of_type: GraphQLObjectType | None) -> Callable[[Any], bool]:
    def applies(condition: Any) -> bool:
        if condition is None or of_type is None:
            return True
        named = schema.get_type(condition.name.value)
        return named is of_type or (is_abstract_type(named) and schema.is_sub_type(named, of_type))

    return applies


def is_included(node: Any, variables: Any) -> bool:
    """Whether @skip and @include leave a selection in."""
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, variables)
    include = get_directive_values(GraphQLIncludeDirective, node, variables)
    return not (skip and skip["if"] is True) and not (include and include["if"] is False)
