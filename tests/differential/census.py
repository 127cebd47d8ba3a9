"""
What occurs in a corpus: fields, arguments, features. Counted from the documents as sent, not from what was meant.
"""

from collections import Counter
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_object_type,
    parse,
    visit,
)

from tests.differential.cases import Case
from tests.differential.door import Answered

FEATURES = (
    "alias",
    "__typename",
    "response key merged",
    "named fragment",
    "fragment in a fragment",
    "inline fragment",
    "fragment without a type",
    "fragment on Node",
    "fragment on a type that cannot apply",
    "variable",
    "variable with a default",
    "variable in a list",
    "variable in an input object",
    "variable missing",
    "variable null",
    "int as ID",
    "@skip on a field",
    "@skip on a spread",
    "@skip on an inline fragment",
    "@include on a field",
    "@include on a spread",
    "@include on an inline fragment",
    "condition by a variable",
    "condition by a literal",
    "cursor",
    "several operations",
    "operation name",
    "introspection with data",
    "several mutations",
    "trace",
    "no token",
    "lying gateway",
    "BAD_USER_INPUT",
    "GATEWAY_INVALID_RESPONSE",
    "GATEWAY_TIMEOUT",
    "GATEWAY_UNAVAILABLE",
    "GATEWAY_RATE_LIMITED",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "OUTCOME_UNKNOWN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
)


class Census:
    """Counts of a corpus: how many cases hold each field, argument and feature."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.fields: Counter[str] = Counter()
        self.arguments: Counter[str] = Counter()
        self.features: Counter[str] = Counter()

    def note(self, case: Case, answered: Answered) -> None:
        """One more case."""
        self.features.update(code for code in FEATURES if code.isupper() and code.encode() in answered.body)
        self.features.update(_sent_features(case))
        try:
            document = parse(case.sent.document)
        except GraphQLError:
            return
        seen = _Seen(self._schema, dict(case.sent.variables or {}))
        visit(document, TypeInfoVisitor(seen.types, seen))
        self.fields.update(seen.fields)
        self.arguments.update(seen.arguments)
        self.features.update(seen.features | _document_features(document))


def reachable(schema: GraphQLSchema) -> tuple[set[str], set[str]]:
    """Every `Type.field`, and every `Type.field(argument)`, of the object types that answers are made of."""
    fields: set[str] = set()
    arguments: set[str] = set()
    pending: list[Any] = [schema.query_type, schema.mutation_type, schema.subscription_type]
    seen: set[str] = set()
    while pending:
        of = pending.pop()
        if of.name in seen:
            continue
        seen.add(of.name)
        for name, definition in of.fields.items():
            fields.add(f"{of.name}.{name}")
            arguments |= {f"{of.name}.{name}({argument})" for argument in definition.args}
            below = get_named_type(definition.type)
            if is_object_type(below):
                pending.append(below)
    nodes = schema.get_implementations(schema.type_map["Node"]).objects  # type: ignore[arg-type]  # it is one
    assert {node.name for node in nodes} <= seen
    return fields, arguments


def _sent_features(case: Case) -> set[str]:
    told = {
        "trace": "x-gateway-trace" in case.sent.headers,
        "no token": not case.sent.token,
        "lying gateway": bool(case.faults),
        "operation name": case.sent.operation_name is not None,
        "variable null": None in (case.sent.variables or {}).values(),
    }
    return {feature for feature, holds in told.items() if holds}


def _document_features(document: Any) -> set[str]:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    found = {"several operations"} if len(operations) > 1 else set()
    for operation in operations:
        roots = [s.name.value for s in operation.selection_set.selections if isinstance(s, FieldNode)]
        if operation.operation.value == "mutation" and len(roots) > 1:
            found.add("several mutations")
        if any(name.startswith("__s") or name == "__type" for name in roots) and len(roots) > 1:
            found.add("introspection with data")
    return found


class _Seen(Visitor):
    """What one document holds."""

    def __init__(self, schema: GraphQLSchema, variables: dict[str, Any]) -> None:
        super().__init__()
        self.types = TypeInfo(schema)
        self._schema = schema
        self._variables = variables
        self.fields: set[str] = set()
        self.arguments: set[str] = set()
        self.features: set[str] = set()
        # The object type that each open selection can only be of; None where it may be several.
        self._only: list[str | None] = []

    def enter_selection_set(self, node: Any, *_: Any) -> None:
        keys = [(s.alias or s.name).value for s in node.selections if isinstance(s, FieldNode)]
        if len(keys) != len(set(keys)):
            self.features.add("response key merged")

    def leave_field(self, *_: Any) -> None:
        self._only.pop()

    leave_inline_fragment = leave_fragment_definition = leave_field

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._only.append(self._object(node.type_condition.name.value))

    def _object(self, name: str) -> str | None:
        return name if is_object_type(self._schema.get_type(name)) else None

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        definition = self.types.get_field_def()
        self._only.append(
            self._object(get_named_type(definition.type).name) if definition is not None else None
        )
        parent = self.types.get_parent_type()
        if parent is not None:
            self.fields.add(f"{parent.name}.{node.name.value}")
        self._note(node.alias is not None, "alias")
        self._note(node.name.value == "__typename", "__typename")
        self._conditions(node, "a field")

    def enter_argument(self, node: ArgumentNode, _key: Any, _parent: Any, _path: Any, ancestors: Any) -> None:
        parent, field = self.types.get_parent_type(), self.types.get_field_def()
        if parent is None or field is None or self.types.get_directive():
            return
        owner = next((a for a in reversed(ancestors) if isinstance(a, FieldNode)), None)
        if owner is not None:
            self.arguments.add(f"{parent.name}.{owner.name.value}({node.name.value})")
        self._note(node.name.value in {"after", "before"}, "cursor")
        expected = self.types.get_input_type()
        named = get_named_type(expected) if expected is not None else None
        self._note(
            isinstance(node.value, IntValueNode) and named is not None and named.name == "ID", "int as ID"
        )

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> None:
        self.features.add("inline fragment")
        self._conditions(node, "an inline fragment")
        only = self._only[-1] if self._only else None
        if node.type_condition is None:
            self.features.add("fragment without a type")
            self._only.append(only)
            return
        named = node.type_condition.name.value
        self._note(named == "Node", "fragment on Node")
        self._note(
            only is not None and self._object(named) not in {None, only},
            "fragment on a type that cannot apply",
        )
        self._only.append(only or self._object(named))

    def enter_fragment_spread(
        self, node: FragmentSpreadNode, _k: Any, _p: Any, _path: Any, ancestors: Any
    ) -> None:
        self.features.add("named fragment")
        self._conditions(node, "a spread")
        self._note(any(isinstance(a, FragmentDefinitionNode) for a in ancestors), "fragment in a fragment")

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self.features.add("variable")
        self._note(node.default_value is not None, "variable with a default")
        self._note(node.variable.name.value not in self._variables, "variable missing")

    def enter_variable(self, _node: VariableNode, _k: Any, _p: Any, _path: Any, ancestors: Any) -> None:
        self._note(any(isinstance(a, ListValueNode) for a in ancestors), "variable in a list")
        self._note(any(isinstance(a, ObjectValueNode) for a in ancestors), "variable in an input object")

    def _conditions(self, node: Any, where: str) -> None:
        for directive in node.directives or ():
            self.features.add(f"@{directive.name.value} on {where}")
            for argument in directive.arguments or ():
                by = "a variable" if isinstance(argument.value, VariableNode) else "a literal"
                self.features.add(f"condition by {by}")

    def _note(self, holds: bool, feature: str) -> None:
        if holds:
            self.features.add(feature)
