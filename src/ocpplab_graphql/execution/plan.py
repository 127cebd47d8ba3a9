"""
What an operation selects, as plain data: merged, and with the binding of each field.

A plan is made once per operation of a document and per value of what its @skip and @include ask for;
all other variables are its inputs. `costing.py` reckons with it, `compiled` executes it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    VariableNode,
    Visitor,
    get_named_type,
    is_abstract_type,
    visit,
)
from graphql.execution.values import VariableValues

from ocpplab_graphql.execution.bindings import Binding, Sources, sources_of
from ocpplab_graphql.execution.selection import binding_of, is_included

_META = {"__typename": TypeNameMetaFieldDef, "__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}

# Plans kept for one document; who sends more combinations of conditions has them planned each time.
_PLANS_KEPT = 32


@dataclass(frozen=True, slots=True)
class PlanField:
    """
    A field that an operation selects on one type; equal response keys are merged.

    Attributes:
        below: what is selected on it, by the object types that it may have.
    """

    definition: GraphQLField
    nodes: tuple[FieldNode, ...]
    binding: Binding | None
    below: "Mapping[str, Selection]"

    @property
    def key(self) -> str:
        """Its key in the response."""
        return (self.nodes[0].alias or self.nodes[0].name).value

    @property
    def name(self) -> str:
        """Its name in the schema."""
        return self.nodes[0].name.value


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What is selected on one object type, in the order of the response.

    Attributes:
        sources: where the records of the type come from.
    """

    type_name: str
    fields: tuple[PlanField, ...]
    sources: Sources


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One operation, ready to be costed and executed for any variables that leave the same fields in.

    Attributes:
        memory: what others derive from it and keep as long as it lives, by their own keys.
    """

    operation: OperationDefinitionNode
    root: Selection
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


class Plans:
    """The plans of one document, each made when it is first asked for."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._conditions = _conditions(document)
        self._made: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()

    def of(self, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        """The plan of one operation for these variables."""
        name = operation.name.value if operation.name else None
        key = (name, *map(variables.coerced.get, self._conditions))
        plan = self._made.get(key)
        if plan is None:
            plan = self._made[key] = Planner(self._schema, self._document, variables).plan(operation)
            if len(self._made) > _PLANS_KEPT:
                self._made.popitem(last=False)
        return plan


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The names of the variables that @skip and @include ask for."""
    names: dict[str, None] = {}

    class Collector(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    names[argument.value.name.value] = None

    visit(document, Collector())
    return tuple(names)


class Planner:
    """
    Makes plans of the operations of one document. Linear: a merged selection is planned once.

    Args:
        variables: decide what @skip and @include leave in.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: VariableValues) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._planned: dict[tuple[str, frozenset[int]], Selection] = {}

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """The plan of one operation."""
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise TypeError("an operation of a kind that the schema has not, which validation refuses")
        return Plan(operation, self._selection(root, (operation.selection_set,)))

    def _selection(self, of_type: GraphQLObjectType, sets: Iterable[SelectionSetNode]) -> Selection:
        sets = tuple(sets)
        key = (of_type.name, frozenset(map(id, sets)))
        known = self._planned.get(key)
        if known is None:
            groups: dict[str, list[FieldNode]] = {}
            for node in self._field_nodes(of_type, sets):
                groups.setdefault((node.alias or node.name).value, []).append(node)
            fields = (self._field(of_type, nodes) for nodes in groups.values())
            known = self._planned[key] = Selection(
                of_type.name, tuple(f for f in fields if f is not None), sources_of(of_type)
            )
        return known

    def _field(self, of_type: GraphQLObjectType, nodes: list[FieldNode]) -> PlanField | None:
        name = nodes[0].name.value
        definition = of_type.fields.get(name) or _META.get(name)
        if definition is None:
            return None
        sets = [node.selection_set for node in nodes if node.selection_set]
        below = {t.name: self._selection(t, sets) for t in self._object_types(definition)} if sets else {}
        return PlanField(definition, tuple(nodes), binding_of(definition), below)

    def _object_types(self, definition: GraphQLField) -> list[GraphQLObjectType]:
        named = get_named_type(definition.type)
        if is_abstract_type(named):
            return self._schema.get_possible_types(named)
        return [named] if isinstance(named, GraphQLObjectType) else []

    def _field_nodes(
        self, of_type: GraphQLObjectType, sets: Iterable[SelectionSetNode]
    ) -> Iterator[FieldNode]:
        visited: set[str] = set()
        pending: list[Any] = [node for one in sets for node in one.selections]
        while pending:
            node = pending.pop(0)
            if not is_included(node, self._variables):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            fragment = node
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in visited:
                    continue
                visited.add(node.name.value)
                fragment = self._fragments[node.name.value]
            if self._applies(fragment.type_condition, of_type):
                pending[:0] = fragment.selection_set.selections

    def _applies(self, condition: Any, of_type: GraphQLObjectType) -> bool:
        if condition is None:
            return True
        named = self._schema.get_type(condition.name.value)
        return named is of_type or (is_abstract_type(named) and self._schema.is_sub_type(named, of_type))
