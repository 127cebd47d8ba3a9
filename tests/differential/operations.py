"""
Documents on our schema, drawn from a seed.

The schema says which fields there are; `values` says with which arguments. A response key means the same field
with the same arguments wherever it stands in a document, so that whatever is merged can be merged.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.type.introspection import SchemaMetaFieldDef, TypeMetaFieldDef

from tests.differential.known import Known, Subject
from tests.differential.spoiling import spoilt
from tests.differential.values import Name, Ref, Values, literal

Selectable = GraphQLObjectType | GraphQLInterfaceType
_ROWS = {"nodes", "edges"}
_MISSING = object()


@dataclass(frozen=True)
class Variable:
    """A variable of a document: how it is declared, and what its values may be."""

    name: str
    declared: str
    optional: bool
    default: str | None
    draw: Callable[[random.Random], Any]

    def __str__(self) -> str:
        return f"${self.name}: {self.declared}" + (f" = {self.default}" if self.default is not None else "")


@dataclass
class Document:
    """A document, with what is to be known of it for sending it."""

    text: str
    kind: str
    operations: list[str | None]
    variables: list[Variable]

    def given(self, pick: random.Random, *, honest: float) -> dict[str, Any]:
        """Values for its variables: mostly ones that fit, now and then null, missing, of another type, or too many."""
        found = {variable.name: _given(variable, pick, honest) for variable in self.variables}
        if pick.random() < 0.03:
            found["unused"] = 1
        return {name: value for name, value in found.items() if value is not _MISSING}


def _given(variable: Variable, pick: random.Random, honest: float) -> Any:
    if pick.random() < honest:
        if variable.optional and pick.random() < 0.25:
            return _MISSING
        return _plain(variable.draw(pick))
    return pick.choice([_MISSING, None, None, 7, "x", [], {}, True, 1.5, "2026", {"a": 1}, 2**40])


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, Name) else value


def document(schema: GraphQLSchema, known: Known, pick: random.Random, kind: str) -> Document:
    """A document of this kind: query, mutation, subscription or refused."""
    author = _Author(schema, known, pick, honest=0.985)
    if kind == "refused":
        whole = author.write(pick.choice(["query", "query", "mutation"]), several=False)
        return Document(spoilt(whole.text, pick), kind, whole.operations, whole.variables)
    return author.write(kind, several=kind == "query" and pick.random() < 0.12)


@dataclass
class _Author:
    """Writes one document."""

    schema: GraphQLSchema
    known: Known
    pick: random.Random
    honest: float
    fragments: dict[str, tuple[str, str]] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    heads: dict[tuple[str, str], str] = field(default_factory=dict)
    left: int = 0
    lead: list[tuple[str, str]] = field(default_factory=list)

    def write(self, kind: str, *, several: bool) -> Document:
        """The document."""
        self.left = self.pick.choice([6, 15, 15, 30, 60])
        self.values = Values(self.known, honest=self.honest)
        names: list[str | None] = [f"Op{n}" for n in range(self.pick.choice([2, 3]))] if several else [None]
        if not several and self.pick.random() < 0.4:
            names = ["Only"]
        bodies = [self._root(kind) for _ in names]
        texts = [self._operation(kind, name, body) for name, body in zip(names, bodies, strict=True)]
        texts += [f"fragment {name} on {of} {body}" for name, (of, body) in self.fragments.items()]
        if self.pick.random() < 0.3:
            self.pick.shuffle(texts)
        used = [v for v in self.variables.values() if re.search(rf"\${v.name}\b", " ".join(texts))]
        return Document(self.pick.choice(["\n", " ", " # é\n"]).join(texts), kind, names, used)

    def _operation(self, kind: str, name: str | None, body: str) -> str:
        reached = body
        pending, seen = re.findall(r"\.\.\.(F\d+)", body), set[str]()
        while pending:
            fragment = pending.pop()
            if fragment not in seen:
                seen.add(fragment)
                reached += self.fragments[fragment][1]
                pending += re.findall(r"\.\.\.(F\d+)", self.fragments[fragment][1])
        names = dict.fromkeys(re.findall(r"\$(\w+)", reached))
        declared = ", ".join(str(self.variables[n]) for n in names if n in self.variables)
        head = " ".join([kind, *([name] if name else [])]) + (f"({declared})" if declared else "")
        return body if head == "query" and self.pick.random() < 0.6 else f"{head} {body}"

    # ------------------------------------------------------------------------------------------ selections

    def _root(self, kind: str) -> str:
        roots = {
            "query": self.schema.query_type,
            "mutation": self.schema.mutation_type,
            "subscription": self.schema.subscription_type,
        }
        root = roots[kind]
        assert root is not None
        if kind == "query":
            return self._selection(root, ("Query",), depth=9, fan=1)
        count = 1 if kind == "subscription" else self.pick.choice([1, 1, 2, 3])
        fields = [self._field(root, self.pick.choice([*root.fields]), None, 7, 1) for _ in range(count)]
        if kind == "mutation":
            fields += self._extras(root, fields, None, 7, 1)
        return "{ " + " ".join(fields) + " }"

    def _selection(self, of: Selectable, subject: Subject | None, depth: int, fan: int) -> str:
        items = [self._field(of, name, subject, depth, fan) for name in self._chosen(of, depth)]
        items += self._extras(of, items, subject, depth, fan)
        if not items:
            items = ["__typename"]
        return "{ " + self.pick.choice([" ", ", "]).join(items) + " }"

    def _chosen(self, of: Selectable, depth: int) -> list[str]:
        """Some fields of a type; of a connection nearly always its rows."""
        pick = self.pick
        leaves = [n for n, f in of.fields.items() if is_leaf_type(get_named_type(f.type))]
        composites = [n for n in of.fields if n not in leaves]
        chosen = pick.sample(leaves, min(len(leaves), pick.choice([0, 1, 2, 3, 6])))
        if self.left > 0 and depth > 0 and composites:
            if "pageInfo" in of.fields and pick.random() < 0.9:
                chosen += pick.choice([["nodes"], ["edges"], ["edges"], ["nodes", "edges"]])
                chosen += ["pageInfo"] if pick.random() < 0.4 else []
            elif "cursor" in of.fields:
                chosen += ["node"]
                chosen += ["evses"] if "evses" in of.fields and pick.random() < 0.5 else []
            else:
                most = 3 if of is self.schema.query_type else 2
                chosen += pick.sample(composites, min(len(composites), pick.randint(1, most)))
        if of is self.schema.query_type:
            chosen += pick.choice([["__schema"], ["__type"]]) if pick.random() < 0.06 else []
        pick.shuffle(chosen)
        self.left -= len(chosen)
        return chosen

    def _field(self, of: Selectable, name: str, subject: Subject | None, depth: int, fan: int) -> str:
        meta: Mapping[str, GraphQLField] = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
        definition = meta.get(name) or of.fields[name]
        arguments, leads_to = self._arguments(of, name, definition, subject, fan)
        head = self._head(of, name, arguments) + self._conditions()
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return head
        assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
        leads_to = leads_to or self._leads_to(name, subject)
        if name in _ROWS:
            leads_to = None
        below = fan * self._rows(name, arguments)
        text = head + " " + self._selection(named, leads_to, depth - 1, below)
        if self.pick.random() < 0.12:
            # The same response key again, here or later at this place, with more below it.
            text += " " + head + " " + self._selection(named, leads_to, min(depth - 1, 2), below)
        return text

    def _leads_to(self, name: str, subject: Subject | None) -> Subject | None:
        if subject is not None and subject[0] in {"Location", "BulkLocationJob"} and name == "cpo":
            return ("CPO", subject[1])
        return subject if name in {"location", "job", "cpo"} else None

    def _rows(self, name: str, arguments: str) -> int:
        if name in {"locations", "cpos", "chargers", "logs"}:
            sizes = re.findall(r"(?:first|last): ?(\d+)", arguments)
            return max(1, min(int(sizes[0]), 150)) if sizes else 20
        return 3 if name in {"evses", "failures", "chargerGroups", "nodes"} else 1

    def _extras(
        self, of: Selectable, items: list[str], subject: Subject | None, depth: int, fan: int
    ) -> list[str]:
        """`__typename`, fragments, and repetitions."""
        pick, extras = self.pick, []
        if pick.random() < 0.2:
            extras.append(
                pick.choice(["__typename", "kind: __typename", "__typename" + self._conditions(often=True)])
            )
        if isinstance(of, GraphQLInterfaceType):
            extras += self._on_concrete_types(subject, depth, fan)
        elif of.name.startswith("__") or of in {self.schema.mutation_type, self.schema.subscription_type}:
            return extras
        elif pick.random() < 0.22 and self.left > 0:
            extras.append(self._fragment(of, subject, depth, fan))
        if pick.random() < 0.08 and items and "{" not in items[0]:
            extras.append(items[0])
        return extras

    def _on_concrete_types(self, subject: Subject | None, depth: int, fan: int) -> list[str]:
        names = ["CPO", "Location", "Charger", "BulkLocationJob", "Provisioning"]
        wanted = {self.pick.choice(names) for _ in range(self.pick.choice([0, 1, 2, 4]))}
        if subject is not None and self.pick.random() < 0.9:
            wanted.add(subject[0])
        found = []
        for name in sorted(wanted):
            of = self.schema.get_type(name)
            assert isinstance(of, GraphQLObjectType)
            found.append(
                self._fragment(
                    of, subject if subject and subject[0] == name else None, depth, fan, bare=False
                )
            )
        return found

    def _fragment(
        self, of: Selectable, subject: Subject | None, depth: int, fan: int, *, bare: bool = True
    ) -> str:
        """An inline fragment or a spread of a named one, on this type or on an interface of it."""
        pick, shallow = self.pick, min(depth - 1, 3) if depth > 3 else depth - 1
        way = pick.choice(["inline", "named", "named", "again", *(["bare", "interface"] if bare else [])])
        if way == "interface" and isinstance(of, GraphQLObjectType) and of.interfaces:
            other = pick.choice(["CPO", "Location", "Charger", "Provisioning"])
            return f"... on Node{self._conditions()} {{ id ... on {other} {{ __typename id }} }}"
        if way == "bare":
            return "..." + self._conditions(often=True) + " " + self._selection(of, subject, shallow, fan)
        if way == "again":
            names = [name for name, (on, _) in self.fragments.items() if on == of.name]
            if names:
                return f"...{pick.choice(names)}" + self._conditions()
        if way == "inline":
            return f"... on {of.name}{self._conditions()} " + self._selection(of, subject, shallow, fan)
        body = self._selection(of, subject, shallow, fan)
        name = f"F{len(self.fragments)}"
        self.fragments[name] = (of.name, body)
        return f"...{name}" + self._conditions()

    # ------------------------------------------------------------------------------------------- arguments

    def _arguments(
        self, of: Selectable, name: str, definition: GraphQLField, subject: Subject | None, fan: int
    ) -> tuple[str, Subject | None]:
        """The arguments as text, "" for none."""
        if not definition.args:
            return "", None
        given, leads_to = self.values.draw(of.name, name, subject, fan, self.pick)
        known = {key: value for key, value in given.items() if key in definition.args}

        def redrawn(argument: str) -> Callable[[random.Random], Any]:
            def draw(pick: random.Random) -> Any:
                if pick.random() < 0.85:
                    return known[argument]
                return self.values.draw(of.name, name, subject, fan, pick)[0].get(argument, _MISSING)

            return draw

        parts = []
        for key, value in known.items():
            shown = self._dressed(definition.args[key].type, value, redrawn(key), chance=0.3)
            parts.append(f"{key}: {literal(shown, self.pick)}")
        self.pick.shuffle(parts)
        return "(" + ", ".join(parts) + ")" if parts else "", leads_to

    def _dressed(
        self, of: GraphQLInputType, value: Any, draw: Callable[[random.Random], Any], chance: float
    ) -> Any:
        """A value, or a variable in its place or in the place of a part of it."""
        pick = self.pick
        if pick.random() < chance:
            return self._variable(of, value, draw)
        inner = get_nullable_type(of)
        if is_list_type(inner) and isinstance(value, list) and value and pick.random() < 0.3:
            at = pick.randrange(len(value))
            return [
                self._dressed(inner.of_type, item, lambda _p, i=item: i, 1.0) if n == at else item
                for n, item in enumerate(value)
            ]
        if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
            if inner.is_one_of:
                chance = 0.0
            return {
                key: self._dressed(
                    inner.fields[key].type,
                    item,
                    lambda _p, i=item: i,
                    chance / 3 if not inner.is_one_of else 0,
                )
                for key, item in value.items()
            }
        if isinstance(get_named_type(of), GraphQLEnumType):
            return Name(value) if isinstance(value, str) and value.isidentifier() else value
        return value

    def _variable(self, of: GraphQLInputType, value: Any, draw: Callable[[random.Random], Any]) -> Ref:
        pick, declared = self.pick, str(of)
        same = [v.name for v in self.variables.values() if v.declared == declared]
        if same and pick.random() < 0.15:
            return Ref(pick.choice(same))
        default = None
        nullable = get_nullable_type(of)
        if is_non_null_type(of):
            if value is not None and pick.random() < 0.3:
                default = literal(value, pick)
                declared = str(nullable) if pick.random() < 0.7 else declared
        elif pick.random() < 0.3:
            default = literal(value, pick)
        elif pick.random() < 0.15:
            declared += "!"
        if default is not None and ("$" in default or not self._fits(nullable, value)):
            default, declared = None, str(of)
        name = f"v{len(self.variables)}"
        optional = not declared.endswith("!") or default is not None
        self.variables[name] = Variable(name, declared, optional, default, draw)
        return Ref(name)

    def _fits(self, of: Any, value: Any) -> bool:
        """Whether a default can be written down: what cannot is refused with the document."""
        return isinstance(value, str | int | bool | float) and not is_list_type(of)

    def _head(self, of: Selectable, name: str, arguments: str) -> str:
        pick = self.pick
        if not arguments:
            alias = pick.random() < 0.12
            key = f"a{name.strip('_').capitalize()}" if alias else name
            # A field whose arguments may be left out must not meet itself with some.
            if self.heads.setdefault((of.name, key), arguments) == arguments:
                return f"{key}: {name}" if alias else name
            return f"{name}Plain: {name}"
        if pick.random() < 0.75 and self.heads.setdefault((of.name, name), arguments) == arguments:
            return name + arguments
        number = len(self.heads)
        key = f"{name}{number}"
        self.heads[of.name, key] = arguments
        return f"{key}: {name}{arguments}"

    def _conditions(self, *, often: bool = False) -> str:
        pick = self.pick
        if pick.random() > (0.6 if often else 0.05):
            return ""
        names = pick.choice([["skip"], ["include"], ["include"], ["include", "skip"]])
        return "".join(f" @{name}(if: {self._flag(true=name == 'include')})" for name in names)

    def _flag(self, *, true: bool) -> str:
        pick = self.pick
        likely = true if pick.random() < 0.7 else not true
        if pick.random() < 0.45:
            return "true" if likely else "false"
        flags = [v.name for v in self.variables.values() if v.name.startswith("flag")]
        if flags and pick.random() < 0.4:
            return f"${pick.choice(flags)}"
        name = f"flag{len(self.variables)}"
        default = pick.choice(["true", "false"]) if pick.random() < 0.4 else None
        declared = "Boolean!" if default is None or pick.random() < 0.3 else "Boolean"
        optional = default is not None
        self.variables[name] = Variable(
            name, declared, optional, default, lambda p: likely if p.random() < 0.8 else not likely
        )
        return f"${name}"
