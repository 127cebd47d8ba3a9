"""The arguments of a field, coerced: what the document says once, what variables say for each execution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    VariableNode,
    Visitor,
    get_argument_values,
    visit,
)
from graphql.execution.values import VariableValues

_NO_VARIABLES = VariableValues({}, {})


@dataclass(frozen=True, slots=True)
class Arguments:
    """
    The arguments of a field, by their names in the schema.

    Attributes:
        of: made of an operation's variables.
        constant: whether they are the same for any variables.
    """

    of: Callable[[VariableValues], Mapping[str, Any]]
    constant: bool = False


def arguments_of(definition: GraphQLField, node: FieldNode) -> Arguments:
    """
    What a field is given.

    Raises:
        GraphQLError: a literal does not fit; validation finds that first.
    """
    by_variable = {
        a.name.value: a.value.name.value for a in node.arguments or () if isinstance(a.value, VariableNode)
    }
    if any(a.name.value not in by_variable and _holds_variable(a) for a in node.arguments or ()):
        return Arguments(lambda variables: get_argument_values(definition, node, variables))
    fixed = [a for a in node.arguments or () if a.name.value not in by_variable]
    # Arguments that a variable gives are looked up for each execution: without them, none is missing here.
    optional = GraphQLField(
        definition.type, {n: a for n, a in definition.args.items() if n not in by_variable}
    )
    constant = get_argument_values(
        optional,
        FieldNode(name=node.name, arguments=tuple(fixed), alias=None, selection_set=None),
        _NO_VARIABLES,
    )
    if not by_variable:
        return Arguments(lambda _variables: constant, constant=True)
    required = {n for n in by_variable if isinstance(definition.args[n].type, GraphQLNonNull)}

    def given(variables: VariableValues) -> Mapping[str, Any]:
        values = dict(constant)
        coerced = variables.coerced
        for name, variable in by_variable.items():
            if variable in coerced and (coerced[variable] is not None or name not in required):
                values[name] = coerced[variable]
            else:
                # Left out, or null where none may be: defaults and errors are the library's business.
                return get_argument_values(definition, node, variables)
        return values

    return Arguments(given)


def _holds_variable(argument: ArgumentNode) -> bool:
    found = False

    class Search(Visitor):
        def enter_variable(self, _node: VariableNode, *_: object) -> None:
            nonlocal found
            found = True

    visit(argument, Search())
    return found
