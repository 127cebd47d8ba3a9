"""
Pure: what a change of the schema would break for clients of the last release.

A part that is deprecated says so in its reason: what replaces it, since when it is deprecated, and the day from
which it may be gone: "Use `name`. Deprecated since 2027-01-04, gone from 2027-07-04."
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    NamedTypeNode,
    Node,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    build_schema,
    parse,
    visit,
)
from graphql.language import REMOVE
from graphql.utilities import find_breaking_changes

NOTICE = timedelta(days=182)  # half a year

_DATES = re.compile(r"since (\d{4}-\d{2}-\d{2}), gone from (\d{4}-\d{2}-\d{2})\b")
_ROOTS = {"Query", "Mutation", "Subscription"}


def broken_promises(released: str, current: str, today: date) -> list[str]:
    """
    What a release of `current` would break for clients of `released`, one line each; empty when nothing.

    Args:
        released, current: schemas in SDL.
        today: what was announced to be gone from this day on, or from an earlier one, may be gone.
    """
    kept = _without_what_may_go(parse(released), today)
    now = build_schema(current)
    changes = find_breaking_changes(build_ast_schema(kept), now)
    return sorted([*(change.description for change in changes), *_unannounced(now)])


def _without_what_may_go(document: DocumentNode, today: date) -> DocumentNode:
    class Dropper(Visitor):
        def enter(self, node: Node, *_: object) -> Any:
            return REMOVE if _may_go(node, today) else None

    kept: DocumentNode = visit(document, Dropper())
    return _without_unused(kept, before=_named_in(document))


def _without_unused(document: DocumentNode, before: set[str]) -> DocumentNode:
    """A type goes with the last field that leads to it; one to which none ever led stays."""
    orphans = before - _named_in(document) - _ROOTS
    left = tuple(
        definition
        for definition in document.definitions
        if not (isinstance(definition, TypeDefinitionNode) and definition.name.value in orphans)
    )
    if len(left) == len(document.definitions):
        return document
    return _without_unused(DocumentNode(definitions=left), before)


def _named_in(document: DocumentNode) -> set[str]:
    """The types that others refer to."""
    named: set[str] = set()

    class Collector(Visitor):
        def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
            named.add(node.name.value)

    visit(document, Collector())
    return named


def _may_go(node: Node, today: date) -> bool:
    reason = _reason(node)
    dates = _dates(reason) if reason is not None else None
    return dates is not None and dates[1] <= today


def _reason(node: Node) -> str | None:
    """Why a part is deprecated; None when it is not."""
    for directive in getattr(node, "directives", None) or ():
        if directive.name.value == "deprecated":
            return next((getattr(argument.value, "value", "") for argument in directive.arguments or ()), "")
    return None


def _dates(reason: str) -> tuple[date, date] | None:
    found = _DATES.search(reason)
    try:
        return (date.fromisoformat(found[1]), date.fromisoformat(found[2])) if found else None
    except ValueError:
        return None


def _unannounced(schema: GraphQLSchema) -> Iterator[str]:
    """Deprecations that do not say when, or do not leave half a year."""
    for coordinate, reason in _deprecated(schema):
        dates = _dates(reason)
        if dates is None:
            yield (
                f"{coordinate} is deprecated without dates; end the reason with "
                "`Deprecated since YYYY-MM-DD, gone from YYYY-MM-DD.`"
            )
        elif dates[1] - dates[0] < NOTICE:
            yield f"{coordinate} is deprecated for less than {NOTICE.days} days."


def _deprecated(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for type_name, named in schema.type_map.items():
        if type_name.startswith("__"):
            continue
        parts = {**getattr(named, "fields", {}), **getattr(named, "values", {})}
        for name, part in parts.items():
            if part.deprecation_reason is not None:
                yield f"{type_name}.{name}", part.deprecation_reason
            for argument, definition in getattr(part, "args", {}).items():
                if definition.deprecation_reason is not None:
                    yield f"{type_name}.{name}({argument}:)", definition.deprecation_reason
