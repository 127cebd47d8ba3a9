"""The operations of one document and their variables: what does not depend on a request is found once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    VariableDefinitionNode,
    get_operation_ast,
    get_variable_values,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

# Each mistake in the variables costs time to describe, and nobody reads the hundredth.
_ERRORS_MAX = 50

_NO_VALUES = VariableValues({}, {})

# What these take as it is. Whatever else they take, graphql-core converts.
_TAKEN_AS_IT_IS: tuple[tuple[Any, type], ...] = (
    (GraphQLString, str),
    (GraphQLID, str),
    (GraphQLInt, int),
    (GraphQLBoolean, bool),
)
_OTHERWISE: Any = object()


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One operation of a document.

    Attributes:
        kind: `query`, `mutation` or `subscription`.
    """

    node: OperationDefinitionNode
    name: str | None
    kind: str
    variables: "Variables"

    @property
    def type(self) -> OperationType:
        """Whether it reads, writes or follows."""
        return self.node.operation


class Operations:
    """The operations of one document, each prepared when it is first asked for."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._known: dict[str | None, Operation] = {}

    def named(self, name: str | None) -> Operation | None:
        """The operation of this name, or the only one; None if there is none such."""
        known = self._known.get(name)
        if known is None:
            node = get_operation_ast(self._document, name)
            if node is None:
                return None
            variables = Variables(self._schema, node.variable_definitions or ())
            own_name = node.name.value if node.name else None
            known = self._known[name] = Operation(node, own_name, node.operation.value, variables)
        return known


class Variables:
    """
    The variables of one operation, coerced as graphql-core does it.

    Text, ids, numbers and yes or no that come as what they are need no conversion, nor do lists of text and ids:
    they are taken here. With anything else, and with every mistake, all are left to graphql-core.
    """

    def __init__(self, schema: GraphQLSchema, definitions: Iterable[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._definitions = tuple(definitions)
        signatures = [get_variable_signature(schema, one) for one in self._definitions]
        self._variables = [_Variable(one) for one in signatures if not isinstance(one, GraphQLError)]
        self._by_core_alone = len(self._variables) < len(signatures)

    def coerced(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """Their values, or what is wrong with those that were given."""
        if not self._definitions:
            return _NO_VALUES
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._variables:
            value = given.get(variable.name, Undefined)
            taken = variable.taken(value)
            if taken is _OTHERWISE:
                return self._by_core(given)
            sources[variable.name] = VariableValueSource(variable.signature, value)
            if taken is not Undefined:
                coerced[variable.name] = taken
        return self._by_core(given) if self._by_core_alone else VariableValues(sources, coerced)

    def _by_core(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        return get_variable_values(self._schema, self._definitions, given, max_errors=_ERRORS_MAX)


class _Variable:
    __slots__ = ("_is_list", "_left_out", "_null", "_python", "name", "signature")

    def __init__(self, signature: GraphQLVariableSignature) -> None:
        self.name = signature.name
        self.signature = signature
        of_type, required = _unwrapped(signature.type)
        self._null: Any = _OTHERWISE if required else None
        self._left_out: Any = _OTHERWISE if required or signature.default is not None else Undefined
        self._is_list = isinstance(of_type, GraphQLList)
        if isinstance(of_type, GraphQLList):
            of_type, _ = _unwrapped(of_type.of_type)
        self._python = next((python for one, python in _TAKEN_AS_IT_IS if one is of_type), None)

    def taken(self, value: Any) -> Any:
        """The value coerced, Undefined if it is left out, _OTHERWISE if it takes more to say."""
        if type(value) is self._python and not self._is_list:
            if type(value) is int and not GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
                return _OTHERWISE
            return value
        if value is None:
            return self._null
        if value is Undefined:
            return self._left_out
        if self._is_list and self._python is str and type(value) is list:
            return [*value] if all(type(one) is str for one in value) else _OTHERWISE
        return _OTHERWISE


def _unwrapped(of_type: Any) -> tuple[Any, bool]:
    """(type, required)."""
    return (of_type.of_type, True) if isinstance(of_type, GraphQLNonNull) else (of_type, False)
