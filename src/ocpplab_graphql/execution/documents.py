"""
Documents, parsed and validated once per text, in a bounded cache.

What is refused is refused here, before any field runs.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    TokenKind,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    specified_rules,
    validate,
    visit,
)

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.introspecting import introspected, list_sizes
from ocpplab_graphql.execution.operations import Operations
from ocpplab_graphql.execution.plan import Plans
from ocpplab_graphql.execution.selection import selected_records
from ocpplab_graphql.execution.shape import measure
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.telemetry import digest_of

# Strings and comments, which may hold any bracket, and the brackets that nest.
# A string that never ends reaches to the end, so that no character is looked at twice.
_BRACKETS = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]|\\.)*+"?|#[^\n\r]*|[{}\[\]()]'
)

# A number that no field can take, and that Python refuses to read in other words than ours.
_LONG_NUMBER = re.compile(r"[0-9]{400}")

# A longer text is prepared each time, so that the cache has a bound in bytes too.
_TEXT_KEPT_MAX = 64 * 1024

_NOT_ALLOWED = (
    "This service executes only the documents of its manifest, and this is not one of them. "
    "Send the id of one, or its text to the letter."
)


class Refused(Exception):
    """A document that is not executed: with a code, and the errors that say why."""

    def __init__(self, code: ErrorCode, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    A valid document.

    Attributes:
        narrowing: the types to decode the gateway's records into: only what its fields read.
        operations: its operations, by name.
        plans: their plans.
        secret: whether any of its fields, by whatever alias or fragment, is a secret.
        digest: what stands for its text in the log.
    """

    document: DocumentNode
    narrowing: Narrowing
    operations: Operations
    plans: Plans
    secret: bool
    digest: str


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """
    How large a document may be. What is larger is refused before it is validated.

    Attributes:
        tokens: lexical tokens.
        nesting: levels of braces, brackets and parentheses.
        depth, fields, aliases, root_fields, comparisons: see shape.Shape.
        introspected: fields of introspection that would be answered.
        definitions: operations and fragments.
    """

    tokens: int = 10_000
    nesting: int = 64
    depth: int = 25
    fields: int = 5_000
    aliases: int = 500
    root_fields: int = 250
    comparisons: int = 5_000
    introspected: int = 30_000
    definitions: int = 500


class Documents:
    """
    The documents seen lately.

    Args:
        size: how many are kept, the refused ones included.
        secret_fields: (type name, field name) of what no answer may be kept with.
        allows: whether a text may be executed at all; None allows any. Asked here, so that it binds
            every transport.

    Attributes:
        hits, misses: how often a document was known, and how often it had to be prepared.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        size: int,
        limits: DocumentLimits,
        introspection: bool,
        secret_fields: Collection[tuple[str, str]] = (),
        allows: Callable[[str], bool] | None = None,
    ) -> None:
        self._schema = schema
        self._secret_fields = frozenset(secret_fields)
        self._allows = allows
        self._size = size
        self._limits = limits
        self._rules = (
            [*specified_rules] if introspection else [*specified_rules, NoSchemaIntrospectionCustomRule]
        )
        self._sizes = list_sizes(schema)
        self._known: OrderedDict[str, Prepared | Refused] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    def prepare(self, text: str) -> Prepared:
        """
        The document with this text.

        Raises:
            Refused: it cannot be executed.
        """
        known = self._known.get(text)
        if known is None:
            if self._allows is not None and not self._allows(text):
                raise Refused(ErrorCode.DOCUMENT_NOT_ALLOWED, [GraphQLError(_NOT_ALLOWED)])
            self.misses += 1
            known = self._prepare(text)
            if len(text) <= _TEXT_KEPT_MAX:
                self._keep(text, known)
        else:
            self.hits += 1
            self._known.move_to_end(text)
        if isinstance(known, Refused):
            # A new one: an exception that is raised again and again keeps every caller's frames.
            raise Refused(known.code, known.errors)
        return known

    def _keep(self, text: str, prepared: Prepared | Refused) -> None:
        self._known[text] = prepared
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def _prepare(self, text: str) -> Prepared | Refused:
        limits = self._limits
        if (nesting := _nesting(text)) > limits.nesting:
            return _over("nesting", nesting, limits.nesting)
        try:
            document = parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as error:
            if "more than" in error.message and "tokens" in error.message:
                return _over("tokens", f"more than {limits.tokens}", limits.tokens)
            return Refused(ErrorCode.GRAPHQL_PARSE_FAILED, [error])
        if _LONG_NUMBER.search(text) and (number := _long_number(document)):
            return Refused(ErrorCode.GRAPHQL_VALIDATION_FAILED, [number])
        if (definitions := len(document.definitions)) > limits.definitions:
            return _over("definitions", definitions, limits.definitions)
        shape = measure(document)
        for name in ("depth", "fields", "aliases", "root_fields", "comparisons"):
            if getattr(shape, name) > getattr(limits, name):
                return _over(name, getattr(shape, name), getattr(limits, name))
        return self._validated(document, digest_of(text))

    def _validated(self, document: DocumentNode, digest: str) -> Prepared | Refused:
        try:
            errors = validate(self._schema, document, self._rules)
        except RecursionError:
            return _too_complex("The fragments of this document nest too deep: nest fewer in each other.")
        if errors:
            return Refused(ErrorCode.GRAPHQL_VALIDATION_FAILED, errors)
        if (asked := introspected(document, self._sizes)) > self._limits.introspected:
            return _over("introspected", asked, self._limits.introspected)
        fields = _fields_in(self._schema, document)
        secret = not self._secret_fields.isdisjoint(fields)
        narrowing = Narrowing(selected_records(self._schema, fields))
        operations, plans = Operations(self._schema, document), Plans(self._schema, document)
        return Prepared(document, narrowing, operations, plans, secret, digest)


_WHAT_TO_DO = {
    "definitions": ("of {}", "operations and fragments", "send a shorter one"),
    "nesting": ("nested {}", "levels deep", "select less far down"),
    "tokens": ("of {}", "tokens", "send a shorter one"),
    "depth": ("{}", "levels of fields deep", "select less far down"),
    "fields": ("of {}", "fields", "select fewer, or spread fragments in fewer places"),
    "aliases": ("of {}", "aliases", "use nodes(ids:), or several requests"),
    "root_fields": ("of {}", "fields at the root", "use nodes(ids:), or several requests"),
    "introspected": ("of {}", "fields of introspection", "read the schema once, or /schema.graphql"),
    "comparisons": ("of {}", "pairs of equal fields", "select each field once"),
}


def _over(name: str, amount: int | str, limit: int) -> Refused:
    said, unit, advice = _WHAT_TO_DO[name]
    return _too_complex(f"This document is {said.format(amount)} {unit}; {limit} is the limit: {advice}.")


def _too_complex(message: str) -> Refused:
    return Refused(ErrorCode.OPERATION_TOO_COMPLEX, [GraphQLError(message)])


def _long_number(document: DocumentNode) -> GraphQLError | None:
    """The error of a number that is too long to be one, if there is any; the digits of a string are none."""
    place = document.loc
    token = place.start_token if place else None
    while place is not None and token is not None:
        if token.kind in {TokenKind.INT, TokenKind.FLOAT} and len(token.value or "") >= 400:
            said = "A number may have fewer than 400 digits."
            return GraphQLError(said, source=place.source, positions=[token.start])
        token = token.next
    return None


def _nesting(text: str) -> int:
    depth = deepest = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "{[(":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "}])":
            depth -= 1
    return deepest


def _fields_in(schema: GraphQLSchema, document: DocumentNode) -> set[tuple[str, str]]:
    """(type name, field name) of every field in a document, on whatever type a fragment puts it."""
    types = TypeInfo(schema)
    found: set[tuple[str, str]] = set()

    class Collector(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = types.get_parent_type()
            if parent is not None:
                found.add((get_named_type(parent).name, node.name.value))

    visit(document, TypeInfoVisitor(types, Collector()))
    return found
