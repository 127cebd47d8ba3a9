"""A smaller case that still differs: greedily, one part less at a time."""

import json
from collections.abc import Iterator
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from tests.differential.cases import Case, with_sent, without_fault
from tests.differential.running import Outcome, Runner

RUNS_MAX = 600
_TYPENAME = FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())


async def shrunk(runner: Runner, outcome: Outcome, *, runs: int = RUNS_MAX) -> Outcome:
    """The smallest case found that differs in the same respect."""
    respect = _respect(outcome)
    left = runs
    smaller = True
    while smaller and left > 0:
        smaller = False
        for candidate in _smaller(outcome.case):
            left -= 1
            found = await runner.run(candidate)
            if found.verdict.differences and _respect(found) == respect:
                outcome, smaller = found, True
                break
            if left <= 0:
                break
    return outcome


def report(seed: int, outcome: Outcome) -> str:
    """What is needed to see a difference again."""
    case = outcome.case
    return "\n".join(
        [
            f"--- {case.kind}, seed {seed}, operation {case.index}, world {case.world}",
            f"again: python -m bench.differential --seed {seed} --only {case.index}",
            f"document:\n{_shown(case.sent.document)}",
            f"variables: {json.dumps(case.sent.variables, ensure_ascii=False)}",
            f"operationName: {case.sent.operation_name}, headers: {dict(case.sent.headers)}, token: {case.sent.token}",
            f"faults: {list(case.faults)}",
            f"executed: {dict(outcome.how)}",
            f"reference: {outcome.reference.body[:1500].decode(errors='replace')}",
            f"other:     {outcome.other.body[:1500].decode(errors='replace')}",
            f"calls: {list(outcome.reference.calls)[:12]} and {list(outcome.other.calls)[:12]}",
            *outcome.verdict.differences,
        ]
    )


def _respect(outcome: Outcome) -> str:
    return outcome.verdict.differences[0].partition(":")[0]


def _shown(text: str) -> str:
    try:
        return print_ast(parse(text))
    except GraphQLError:
        return repr(text)


def _smaller(case: Case) -> Iterator[Case]:
    for fault in case.faults:
        yield without_fault(case, fault)
    if case.sent.headers and case.kind != "subscription":
        yield with_sent(case, headers={})
    yield from _smaller_documents(case)
    given = dict(case.sent.variables or {})
    for name, value in given.items():
        yield with_sent(case, variables={k: v for k, v in given.items() if k != name})
        if isinstance(value, list) and value:
            for n in range(len(value)):
                yield with_sent(case, variables={**given, name: value[:n] + value[n + 1 :]})
    if case.sent.operation_name is not None:
        yield with_sent(case, operation_name=None)


def _smaller_documents(case: Case) -> Iterator[Case]:
    try:
        document = parse(case.sent.document, no_location=True)
    except GraphQLError:
        return
    site = 0
    while True:
        edit = _Edit(site)
        edited = visit(document, edit)
        if not edit.done:
            return
        text = print_ast(_tidied(edited))
        names = {
            v.variable.name.value
            for d in parse(text).definitions
            for v in getattr(d, "variable_definitions", None) or ()
        }
        given = {k: v for k, v in (case.sent.variables or {}).items() if k in names}
        if len(text) < len(print_ast(document)):
            yield with_sent(case, document=text, variables=given)
        site += 1


class _Edit(Visitor):
    """Leaves out the part with this number: selections first, then directives and arguments."""

    def __init__(self, site: int) -> None:
        super().__init__()
        self._left = site
        self.done = False

    def _here(self) -> bool:
        if self.done:
            return False
        self._left -= 1
        self.done = self._left < 0
        return self.done

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> Any:
        if self.done:
            return None
        alone = len(node.selections) == 1
        if not (alone and _is_typename(node.selections[0])) and self._here():
            return _with(node, (_TYPENAME,))
        for n in range(0 if alone else len(node.selections)):
            if self._here():
                return _with(node, (*node.selections[:n], *node.selections[n + 1 :]))
        for n, one in enumerate(node.selections):
            inner = getattr(one, "selection_set", None)
            if not isinstance(one, FieldNode) and inner is not None and self._here():
                return _with(node, (*node.selections[:n], *inner.selections, *node.selections[n + 1 :]))
        return None

    def enter_directive(self, _node: DirectiveNode, *_: Any) -> Any:
        return self.REMOVE if self._here() else None

    def enter_argument(self, _node: Any, _k: Any, _p: Any, _path: Any, ancestors: Any) -> Any:
        holder = next((a for a in reversed(ancestors) if isinstance(a, FieldNode | DirectiveNode)), None)
        return self.REMOVE if isinstance(holder, FieldNode) and self._here() else None

    def enter_operation_definition(self, _node: Any, _k: Any, _p: Any, _path: Any, ancestors: Any) -> Any:
        document = ancestors[0]
        several = sum(isinstance(d, OperationDefinitionNode) for d in document.definitions) > 1
        return self.REMOVE if several and self._here() else None


def _with(node: SelectionSetNode, selections: tuple[Any, ...]) -> SelectionSetNode:
    return SelectionSetNode(selections=selections)


def _is_typename(node: Any) -> bool:
    return isinstance(node, FieldNode) and node.name.value == "__typename"


def _tidied(document: DocumentNode) -> DocumentNode:
    """Without fragments and variables that nothing uses any more."""
    while True:
        used = _Used()
        visit(document, used)
        fragments = {d.name.value for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        if fragments <= used.fragments:
            break
        kept = [
            d
            for d in document.definitions
            if not isinstance(d, FragmentDefinitionNode) or d.name.value in used.fragments
        ]
        document = DocumentNode(definitions=tuple(kept))
    return visit(document, _WithoutUnused(used.variables))  # type: ignore[no-any-return]  # visit knows no types


class _Used(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.fragments: set[str] = set()
        self.variables: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.fragments.add(node.name.value)

    def enter_variable(self, node: VariableNode, _k: Any, parent: Any, *_: Any) -> None:
        if getattr(parent, "kind", "") != "variable_definition":
            self.variables.add(node.name.value)


class _WithoutUnused(Visitor):
    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self._used = used

    def enter_variable_definition(self, node: Any, *_: Any) -> Any:
        return None if node.variable.name.value in self._used else self.REMOVE
