"""
From a plan to a program: the places, what is read for each, and the functions that make the answer.

Read `reading.py` first. A function is Python source that this module writes: one comprehension over the rows of a
place, each row made into a `msgspec.Struct` that encodes to the response keys.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    print_ast,
)

from ocpplab_graphql.execution.bindings import (
    Binding,
    Computed,
    Embedded,
    Gallery,
    GlobalId,
    Lookup,
    Many,
    Parent,
    Part,
    RowNode,
    Single,
    Source,
    Value,
)
from ocpplab_graphql.execution.compiled.arguments import arguments_of
from ocpplab_graphql.execution.compiled.reading import (
    Above,
    Below,
    EmbeddedPaging,
    Entries,
    Exists,
    Galleries,
    Lookups,
    Op,
    Place,
    Program,
    Record_,
    Rows,
    Searched,
    Unforeseen,
    Windows,
)
from ocpplab_graphql.execution.compiled.rules import Rules
from ocpplab_graphql.execution.plan import Plan, PlanField, Selection
from ocpplab_graphql.gateway.records import Record


class Uncovered(Exception):
    """A plan with something that is always left to the ordinary executor."""


def compiled(schema: GraphQLSchema, plan: Plan, rules: Rules, *, thorough: bool) -> Program:
    """
    The program of a plan.

    Args:
        thorough: whether values that a row may lack are read from another record, instead of giving up.

    Raises:
        Uncovered: there is none.
    """
    try:
        return _Compiler(schema, rules, thorough=thorough).program(plan)
    except (SyntaxError, RecursionError, MemoryError, GraphQLError) as error:
        raise Uncovered(str(error)) from error


# What msgspec has checked already, and GraphQL's own serializing would only repeat.
_CHECKED: Mapping[str, tuple[Any, ...]] = {
    "String": (str,),
    "ID": (str,),
    "Int": (int,),
    "Float": (float,),
    "Boolean": (bool,),
}


@dataclass(slots=True)
class _Scope:
    """
    Where an expression stands: which variables tell what of the object.

    Attributes:
        key: an expression per part of the object's key; or one that is the whole tuple.
        records: the variable that holds each record at hand.
        carried: expressions of what the parent's record tells.
        var: the object itself, when it is no node.
        place: where what must be read is noted; None where nothing may be read.
        plain: the name of what tells that no id holds anything unusual; noted when it is asked for.
    """

    type_name: str
    key: tuple[str, ...] | str = ()
    records: dict[type[Record], str] = field(default_factory=dict)
    carried: dict[tuple[type[Record], str], str] = field(default_factory=dict)
    var: str | None = None
    place: "_Draft | None" = None
    plain: str | None = None
    used: set[str] = field(default_factory=set)


class _Draft(Place):
    """A place while it is compiled."""

    def __init__(self, index: int, type_name: str, own: type[Record] | None = None) -> None:
        super().__init__(index, type_name, own)
        self.records: dict[type[Record], Record_] = {}
        self.needs_nodes = False


class _Compiler:
    def __init__(self, schema: GraphQLSchema, rules: Rules, *, thorough: bool) -> None:
        self._schema = schema
        self._rules = rules
        self._thorough = thorough
        self._names: dict[str, Any] = {
            "_incomplete": _incomplete,
            "_null": _null,
            "EmbeddedPaging": EmbeddedPaging,
        }
        self._source: list[str] = []
        self._count = 0
        self._structs: dict[tuple[str, ...], str] = {}
        self._places: list[_Draft] = []
        self._ops = 0
        self._pending: list[Callable[[], None]] = []

    # ------------------------------------------------------------------------------------------- the whole

    def program(self, plan: Plan) -> Program:
        root = self._place(plan.root.type_name)
        self._root(root, plan.root)
        text = "\n".join(self._source)
        exec(compile(text, "<compiled query>", "exec"), self._names)  # noqa: S102  # our own text: names of clients stand in it as repr() only
        for bind in self._pending:
            bind()
        return Program(self._places)

    def _place(self, type_name: str, own: type[Record] | None = None) -> _Draft:
        place = _Draft(len(self._places), type_name, own)
        self._places.append(place)
        return place

    def _number(self) -> int:
        self._ops += 1
        return self._ops

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _constant(self, value: Any, prefix: str = "k") -> str:
        name = self._fresh(prefix)
        self._names[name] = value
        return name

    def _define(self, name: str, parameters: Sequence[str], lines: Sequence[str]) -> None:
        self._source.append(f"def {name}({', '.join(parameters)}):")
        self._source += [f"    {line}" for line in lines]

    def _bound(self, name: str, bind: Callable[[Any], None]) -> None:
        """Hand a generated function on, once it exists."""
        self._pending.append(lambda: bind(self._names[name]))

    def _struct(self, keys: Sequence[str]) -> str:
        """The name of a type that encodes to an object with these keys, made of its values in their order."""
        known = self._structs.get(tuple(keys))
        if known is None:
            fields = [(f"f{i}", Any) for i in range(len(keys))]
            rename = {f"f{i}": key for i, key in enumerate(keys)}
            made = msgspec.defstruct("Answer", fields, rename=rename, gc=False)
            known = self._structs[tuple(keys)] = self._constant(made, "O")
        return known

    def _finish(self, place: _Draft, scope: _Scope, made: str, prologue: Sequence[str] = ()) -> None:
        """Write the function of a place, now that it is known what it takes."""
        name = self._fresh("place")
        columns = [f"column{i}" for i in range(len(place.columns))]
        takes = [
            ("r", "rows", "r" in scope.used),
            ("k", "keys", "k" in scope.used),
            ("u", "ups", "u" in scope.used),
        ]
        zipped = [(var, of) for var, of, used in takes if used]
        zipped += [(f"c{i}", column) for i, column in enumerate(columns)]
        match zipped:
            case []:
                loop = "_ in rows or keys"
            case [(var, of)]:
                loop = f"{var} in {of}"
            case _:
                loop = f"{', '.join(v for v, _ in zipped)} in zip({', '.join(of for _, of in zipped)}, strict=True)"
        lines = [*prologue, f"return [{made} for {loop}]"]
        self._define(name, ["run", "rows", "keys", "ups", *columns], lines)

        def bind(function: Any) -> None:
            place.made = function

        self._bound(name, bind)

    def _column(self, place: _Draft, op: Op) -> str:
        """The variable of an operation's column, in the function of its place."""
        if op not in place.columns:
            place.columns.append(op)
        return f"c{place.columns.index(op)}"

    # ------------------------------------------------------------------------------------------- the root

    def _root(self, place: _Draft, selection: Selection) -> None:
        scope = _Scope(selection.type_name, place=place)
        lookups: Lookups | None = None
        shared: dict[tuple[str, Any], _Draft] = {}
        values = []
        for one in selection.fields:
            match one.binding:
                case Lookup() as binding:
                    if lookups is None:
                        lookups = Lookups(place, self._number(), _node_types(self._schema))
                        place.ops.append(lookups)
                    values.append(self._column(place, self._lookup(lookups, one, binding, shared)))
                case Gallery() as binding:
                    values.append(self._column(place, self._gallery(place, one, binding)))
                case Many() as binding:
                    values.append(self._windows(scope, one, binding))
                case _ if one.name == "__typename":
                    values.append(repr(selection.type_name))
                case _:
                    raise Uncovered(one.name)
        struct = self._struct([one.key for one in selection.fields])
        self._finish(place, scope, f"{struct}({', '.join(values)})")

    def _lookup(
        self, lookups: Lookups, one: PlanField, binding: Lookup, shared: dict[tuple[str, Any], _Draft]
    ) -> Op:
        places: dict[str, Place] = {}
        for type_name, selection in one.below.items():
            if binding.node not in {None, type_name}:
                continue
            key = (type_name, _shape(selection))
            place = shared.get(key)
            if place is None:
                made = self._looked_up(type_name, selection)
                if made is None:
                    continue
                place = shared[key] = made
            places[type_name] = place
        arguments = arguments_of(one.definition, one.nodes[0])
        lookups.searched.append(Searched(one.key, binding, arguments, places))
        return lookups.of(len(lookups.searched) - 1)

    def _looked_up(self, type_name: str, selection: Selection) -> _Draft | None:
        sources = self._sources(type_name)
        own = next(iter(sources), None)
        if own is None:
            return None  # a Provisioning: read by its owner, and left to the ordinary executor
        place = self._place(type_name, own)
        exists = Exists(place, self._number(), sources[own], ())
        place.ops.append(exists)
        needed = any(self._touches(one.binding, own) for one in selection.fields)
        scope = _Scope(type_name, key="k", place=place)
        if needed:
            scope.records[own] = "r"
        made = self._object(scope, selection)
        if not needed:
            proofs = [op for op in place.ops if _proves(op, own)]
            exists.proofs = proofs
        self._finish(place, scope, made)
        return place

    @staticmethod
    def _touches(binding: Binding | None, own: type[Record]) -> bool:
        match binding:
            case Value(record=record, otherwise=otherwise):
                return own in (record, otherwise)
            case Computed(needs=needs):
                return any(isinstance(n, Value) and own in (n.record, n.otherwise) for n in needs)
            case Embedded(value=value):
                return own in (value.record, value.otherwise)
        return False

    def _gallery(self, place: _Draft, one: PlanField, binding: Gallery) -> Op:
        op = Galleries(place, self._number(), one.key, binding, arguments_of(one.definition, one.nodes[0]))
        place.ops.append(op)
        selection = next(iter(one.below.values()))
        made = self._object(_Scope(selection.type_name, var="x"), selection)
        name = self._fresh("gallery")
        self._define(name, ["rows"], [f"return [{made} for x in rows]"])

        def bind(function: Any) -> None:
            op.made = function

        self._bound(name, bind)
        return op

    # ------------------------------------------------------------------------------------- objects and fields

    def _object(self, scope: _Scope, selection: Selection) -> str:
        """An expression that makes the answer's object."""
        values = [self._field(scope, one) for one in selection.fields]
        return f"{self._struct([one.key for one in selection.fields])}({', '.join(values)})"

    def _field(self, scope: _Scope, one: PlanField) -> str:
        if one.name == "__typename":
            return repr(scope.type_name)
        match one.binding:
            case Part(index=index):
                return self._part(scope, index)
            case GlobalId() as binding:
                return self._global_id(scope, binding)
            case Single() as binding:
                return self._single(scope, one, binding)
            case Parent() as binding:
                return self._parent(scope, one, binding)
            case Many() as binding:
                return self._windows(scope, one, binding)
            case Embedded() as binding:
                return self._embedded(scope, one, binding)
        return self._plain_field(scope, one)

    def _plain_field(self, scope: _Scope, one: PlanField) -> str:
        of_type = one.definition.type
        match one.binding:
            case Value() as binding:
                expression, typed = self._value(scope, binding, one.key)
                return self._complete(of_type, expression, typed, one.below)
            case Computed() as binding:
                return self._complete(of_type, self._computed(scope, binding, one.key), None, one.below)
            case None if scope.var is not None:
                return self._complete(of_type, f"{scope.var}.{_python_name(one.definition)}", None, one.below)
        raise Uncovered(one.name)

    def _part(self, scope: _Scope, index: int) -> str:
        if isinstance(scope.key, str):
            return f"{self._use(scope, scope.key)}[{index}]"
        return self._use(scope, scope.key[index])

    def _use(self, scope: _Scope, expression: str) -> str:
        """Note which of the place's variables an expression takes."""
        scope.used.add(expression[:1])
        return expression

    def _global_id(self, scope: _Scope, binding: GlobalId) -> str:
        spell = self._constant(binding.spell, "spell")
        if isinstance(scope.key, str):
            return f"{spell}(*{self._use(scope, scope.key)})"
        parts = [self._use(scope, part) for part in scope.key]
        spelt = f"{spell}({', '.join(parts)})"
        if scope.plain is None:
            return spelt
        scope.used.add(scope.plain)
        joined = ":".join(f"{{{part}}}" for part in parts)
        return f"(f'{binding.type_name}:{joined}' if {scope.plain} else {spelt})"

    def _computed(self, scope: _Scope, binding: Computed, key: str) -> str:
        needs = []
        for need in binding.needs:
            if isinstance(need, Part):
                needs.append(self._part(scope, need.index))
            else:
                needs.append(self._value(scope, need, key)[0])
        return f"{self._constant(binding.function, 'computed')}({', '.join(needs)})"

    def _value(self, scope: _Scope, binding: Value, key: str) -> tuple[str, Any]:
        """An expression of a record's value, and its type as msgspec knows it; `key` is the field's, for the trace."""
        typed = _type_of(binding.record, binding.key)
        if scope.var is not None:
            return f"{scope.var}.{binding.key}", typed
        near = scope.carried.get((binding.record, binding.key))
        if near is None and binding.record in scope.records:
            near = f"{scope.records[binding.record]}.{binding.key}"
        sources = self._sources(scope.type_name)
        if near is not None:
            near = self._use(scope, near)
            if binding.otherwise is None or not _may_be_none(typed):
                return near, typed
            return self._or_otherwise(scope, binding, near, key), _type_of(binding.otherwise, binding.key)
        record = binding.record if binding.record in sources else binding.otherwise
        if record is None:
            return "None", None
        if record in scope.records:
            held = self._use(scope, f"{scope.records[record]}.{binding.key}")
            return held, _type_of(record, binding.key)
        if record not in sources:
            return "None", None
        op = self._record(scope, record)
        op.always = True
        op.fields[key] = None
        return f"{self._column(self._needed(scope), op)}.{binding.key}", _type_of(record, binding.key)

    def _or_otherwise(self, scope: _Scope, binding: Value, near: str, key: str) -> str:
        var = self._fresh("v")
        if not self._thorough:
            return f"({var} if ({var} := {near}) is not None else _incomplete())"
        if binding.otherwise is None or binding.otherwise not in self._sources(scope.type_name):
            return near
        op = self._record(scope, binding.otherwise)
        op.unless.append((binding, key))
        op.fields.setdefault(key, binding)
        column = self._column(self._needed(scope), op)
        return f"({var} if ({var} := {near}) is not None else {column}.{binding.key})"

    def _record(self, scope: _Scope, record: type[Record]) -> Record_:
        place = self._needed(scope)
        op = place.records.get(record)
        if op is None:
            op = Record_(place, self._number(), record, self._sources(scope.type_name)[record])
            place.records[record] = op
            place.ops.append(op)
            place.needs_nodes = True
        return op

    @staticmethod
    def _needed(scope: _Scope) -> _Draft:
        if scope.place is None:
            raise Uncovered(f"{scope.type_name} where nothing can be read")
        return scope.place

    def _single(self, scope: _Scope, one: PlanField, binding: Single) -> str:
        op = self._record(scope, binding.record)
        op.always = True
        op.fields[one.key] = None
        column = self._column(self._needed(scope), op)
        selection = next(iter(one.below.values()))
        if isinstance(scope.key, str):
            key: tuple[str, ...] | str = f"({binding.owner!r}, *{self._use(scope, scope.key)})"
        else:
            key = (repr(binding.owner), *(self._use(scope, part) for part in scope.key))
        below = _Scope(selection.type_name, key=key, records={binding.record: column})
        return self._object(below, selection)

    def _parent(self, scope: _Scope, one: PlanField, binding: Parent) -> str:
        selection = next(iter(one.below.values()))
        if isinstance(scope.key, str):
            key: tuple[str, ...] | str = f"{self._use(scope, scope.key)}[:{binding.parts}]"
        else:
            key = tuple(self._use(scope, part) for part in scope.key[: binding.parts])
        if not self._reads(selection, {}, frozenset()):
            return self._object(_Scope(selection.type_name, key=key), selection)
        place = self._needed(scope)
        above = self._place(selection.type_name)
        op = Above(place, self._number(), one.key, binding, above)
        place.ops.append(op)
        place.needs_nodes = True
        inner = _Scope(selection.type_name, key="k", place=above)
        made = self._object(inner, selection)
        self._finish(above, inner, made)
        above.needs_nodes = True
        return self._column(place, op)

    # ----------------------------------------------------------------------------------------- completion

    def _complete(self, of_type: Any, expression: str, typed: Any, below: Mapping[str, Selection]) -> str:
        """The answer's value from ours; `typed` is what msgspec has checked, None if nothing."""
        required = isinstance(of_type, GraphQLNonNull)
        inner = of_type.of_type if required else of_type
        optional = typed is None or _may_be_none(typed)
        same = self._is_same(inner, typed)
        if not optional:
            return expression if same else self._completed(inner, expression, typed, below)
        if same and not required:
            return expression
        var = self._fresh("v")
        made = var if same else self._completed(inner, var, typed, below)
        return f"({made} if ({var} := {expression}) is not None else {'_null()' if required else 'None'})"

    @staticmethod
    def _is_same(inner: Any, typed: Any) -> bool:
        return (
            typed is not None
            and isinstance(inner, GraphQLScalarType)
            and _bare(typed) in _CHECKED.get(inner.name, ())
        )

    def _completed(self, inner: Any, var: str, typed: Any, below: Mapping[str, Selection]) -> str:
        """What a value that is not None becomes; `var` is a plain name."""
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            return f"{self._constant(inner.serialize, 'serialize')}({var})"
        if isinstance(inner, GraphQLList):
            item = self._fresh("y")
            made = self._complete(inner.of_type, item, _item_of(typed), below)
            return var if made == item else f"[{made} for {item} in {var}]"
        if isinstance(inner, GraphQLObjectType):
            if not var.isidentifier():
                name = self._fresh("v")
                selected = self._object(_Scope(inner.name, var=name), below[inner.name])
                return f"({selected} if ({name} := {var}) is not None else None)"
            return self._object(_Scope(inner.name, var=var), below[inner.name])
        raise Uncovered(str(inner))

    # ---------------------------------------------------------------------------------------- connections

    def _windows(self, scope: _Scope, one: PlanField, binding: Many) -> str:
        place = self._needed(scope)
        place.needs_nodes = True
        arguments = arguments_of(one.definition, one.nodes[0])
        op = Windows(place, self._number(), one.key, binding, arguments, rows=_wants_rows(one))
        place.ops.append(op)
        column = self._column(place, op)
        self._connection(op, one, binding.item)
        return column

    def _connection(self, op: Rows, one: PlanField, item: RowNode) -> None:
        """Write the function that makes the connections of an operation, and open the places of its rows."""
        connection = next(iter(one.below.values()))
        name = self._fresh("connection")
        outs: list[str] = []

        def rows_of(before: str, after: str | None, selection: Selection) -> str:
            out = f"out{len(outs)}"
            outs.append(out)
            op.below.append(self._below(item, selection, before, after))
            return f"{out}[page.start:page.stop]"

        made, cursors = self._connection_object(
            connection,
            rows_of=rows_of,
            record="rows[page.start:page.stop]",
            total="page.total",
            info="run.rules.page_info(page.cursors, page.span, page.total, page.after)",
            item=item,
        )
        lines = [
            "made = []",
            "for page in pages:",
            "    if page is None:",
            "        made.append(None)",
            "        continue",
        ]
        if cursors:
            lines += [
                "    span, positions = page.span, page.positions",
                "    whole = len(positions) == span[1] - span[0]",
                "    of = page.cursors",
                "    cursors = of.between(*span) if whole else [of.at(p) for p in positions]",
            ]
        lines += [f"    made.append({made})", "return made"]
        self._define(name, ["run", "pages", "rows", *outs], lines)

        def bind(function: Any) -> None:
            op.build = function

        self._bound(name, bind)

    def _connection_object(
        self,
        connection: Selection,
        *,
        rows_of: Callable[[str, str | None, Selection], str],
        record: str,
        total: str,
        info: str,
        item: RowNode,
    ) -> tuple[str, bool]:
        """An expression that makes a connection, and whether it takes `cursors`."""
        values = []
        cursors = False
        for one in connection.fields:
            match one.name:
                case "__typename":
                    values.append(repr(connection.type_name))
                case "totalCount":
                    values.append(total)
                case "pageInfo":
                    selection = next(iter(one.below.values()))
                    var = self._fresh("v")
                    made = self._object(_Scope(selection.type_name, var=var), selection)
                    values.append(f"({made} if ({var} := {info}) is not None else None)")
                case "nodes":
                    values.append(rows_of(one.key, None, next(iter(one.below.values()))))
                case "edges":
                    edge, takes = self._edges(one, rows_of, record, item)
                    cursors = cursors or takes
                    values.append(edge)
                case _:
                    raise Uncovered(one.name)
        struct = self._struct([one.key for one in connection.fields])
        return f"{struct}({', '.join(values)})", cursors

    def _edges(
        self,
        edges: PlanField,
        rows_of: Callable[[str, str | None, Selection], str],
        record: str,
        item: RowNode,
    ) -> tuple[str, bool]:
        selection = next(iter(edges.below.values()))
        zipped: list[tuple[str, str]] = []

        def taken(prefix: str, of: str) -> str:
            known = next((var for var, source in zipped if source == of), None)
            if known is None:
                known = self._fresh(prefix)
                zipped.append((known, of))
            return known

        values = []
        for one in selection.fields:
            match one.name:
                case "__typename":
                    values.append(repr(selection.type_name))
                case "cursor":
                    values.append(taken("cursor", "cursors"))
                case "node":
                    values.append(taken("node", rows_of(edges.key, one.key, next(iter(one.below.values())))))
                case _ if isinstance(one.binding, Value) and one.binding.record is item.record:
                    row = taken("row", record)
                    typed = _type_of(one.binding.record, one.binding.key)
                    values.append(
                        self._complete(one.definition.type, f"{row}.{one.binding.key}", typed, one.below)
                    )
                case _:
                    raise Uncovered(one.name)
        if not zipped:
            taken("cursor", "cursors")
        made = f"{self._struct([one.key for one in selection.fields])}({', '.join(values)})"
        if len(zipped) == 1:
            loop = f"{zipped[0][0]} in {zipped[0][1]}"
        else:
            variables, sources = (", ".join(one) for one in zip(*zipped, strict=True))
            loop = f"{variables} in zip({sources}, strict=True)"
        return f"[{made} for {loop}]", any(of == "cursors" for _, of in zipped)

    def _below(
        self,
        item: RowNode,
        selection: Selection,
        before: str,
        after: str | None,
    ) -> Below:
        place = self._place(selection.type_name)
        scope = self._row_scope(item, selection.type_name, row="r", parent="k", up="u")
        scope.place = place
        made = self._object(scope, selection)
        prologue = []
        if scope.plain in scope.used:
            key = f"r.{item.record.KEY}"
            above = [f"*{{k[{i}] for k in keys}}" for i in range(item.above)]
            is_plain = self._constant(self._is_plain(selection), "is_plain")
            prologue = [
                f"{scope.plain} = {is_plain}('~'.join([{', '.join([*above, f'*[{key} for r in rows]'])}]))"
            ]
        self._finish(place, scope, made, prologue)
        return Below(place, before, after, place.needs_nodes, "u" in scope.used)

    def _is_plain(self, selection: Selection) -> Any:
        return next(f.binding.is_plain for f in selection.fields if isinstance(f.binding, GlobalId))

    def _row_scope(self, item: RowNode, type_name: str, *, row: str, parent: str, up: str) -> _Scope:
        """The scope of a row: its record, its key, and what its parent tells of it."""
        if item.node is None:
            return _Scope(type_name, var=row, used={row})
        key = (*(f"{parent}[{i}]" for i in range(item.above)), f"{row}.{item.record.KEY}")
        scope = _Scope(type_name, key=key, records={item.record: row}, plain=self._fresh("plain"))
        if item.carried is not None:
            scope.carried[item.carried.record, item.carried.key] = f"{up}.{item.carried.value.key}"
        return scope

    # ------------------------------------------------------------------------------------ embedded connections

    def _embedded(self, scope: _Scope, one: PlanField, binding: Embedded) -> str:
        entries, _ = self._value(scope, binding.value, one.key)
        record = entries.rpartition(".")[0]
        arguments = arguments_of(one.definition, one.nodes[0])
        connection = next(iter(one.below.values()))
        carried = {(binding.item.carried.record, binding.item.carried.key)} if binding.item.carried else set()
        at_hand = {binding.item.record: ""}
        if any(self._reads(rows, at_hand, frozenset(carried)) for rows in _rows_below(connection)):
            place = self._needed(scope)
            place.needs_nodes = True
            if record != "r":
                raise Uncovered("entries of a record that is read for its node")
            op = Entries(place, self._number(), one.key, binding, arguments)
            place.ops.append(op)
            self._connection(op, one, binding.item)
            return self._column(place, op)
        return self._inline(scope, one, binding, entries, record, arguments)

    def _inline(
        self, scope: _Scope, one: PlanField, binding: Embedded, entries: str, record: str, arguments: Any
    ) -> str:
        """Nothing is read for the entries: the connection is made where its owner is."""
        connection = next(iter(one.below.values()))
        name, paging = self._fresh("entries"), self._fresh("paging")
        rows_made: list[str] = []

        def rows_of(_before: str, _after: str | None, selection: Selection) -> str:
            row = self._fresh("x")
            inner = self._row_scope(binding.item, selection.type_name, row=row, parent="key", up="up")
            made = self._object(inner, selection)
            if inner.plain is not None and inner.plain in inner.used:
                is_plain = self._constant(self._is_plain(selection), "is_plain")
                own = f"{row}.{binding.item.record.KEY}"
                rows_made.append(f"{inner.plain} = {is_plain}('~'.join([{own} for {row} in page]))")
            # A name of its own: what makes a row may not stand where a comprehension takes its rows from.
            nodes = self._fresh("nodes")
            rows_made.append(f"{nodes} = [{made} for {row} in page]")
            return nodes

        made, cursors = self._connection_object(
            connection,
            rows_of=rows_of,
            record="page",
            total="length",
            info="run.rules.page_info(paging.cursors(key), (start, stop), length, paging.after)",
            item=binding.item,
        )
        lines = [
            "if rows is None:",
            "    return None",
            "length = len(rows)",
            "if paging.first is not None:",
            "    start, stop = 0, length if length <= paging.first else paging.first",
            "else:",
            "    start, stop = paging.span(length, key)",
            "page = rows if stop - start == length else rows[start:stop]",
        ]
        lines += rows_made
        if cursors:
            lines.append("cursors = paging.cursors(key).between(start, stop)")
        lines.append(f"return {made}")
        self._define(name, ["run", "paging", "rows", "key", "up"], lines)
        given = self._constant(arguments, "arguments")
        window = f"run.paging({self._constant((binding.name, paging))}, {given})"
        key = scope.key if isinstance(scope.key, str) else f"({', '.join(scope.key)},)"
        for part in [scope.key] if isinstance(scope.key, str) else scope.key:
            self._use(scope, part)
        return f"{name}(run, {window}, {entries}, {key}, {record})"

    # ------------------------------------------------------------------------------------------- what is read

    def _reads(
        self, selection: Selection, at_hand: Mapping[type[Record], str], carried: frozenset[Any] | set[Any]
    ) -> bool:
        """Whether something must be read for an object of which these records are at hand."""
        return any(self._field_reads(one, selection.type_name, at_hand, carried) for one in selection.fields)

    def _field_reads(
        self, one: PlanField, type_name: str, at_hand: Mapping[type[Record], str], carried: Any
    ) -> bool:
        match one.binding:
            case Value() as value:
                return self._value_reads(value, type_name, at_hand, carried)
            case Computed(needs=needs):
                return any(
                    isinstance(n, Value) and self._value_reads(n, type_name, at_hand, carried) for n in needs
                )
            case Parent():
                return self._reads(next(iter(one.below.values())), {}, frozenset())
            case Embedded() as embedded:
                item = embedded.item
                told = {(item.carried.record, item.carried.key)} if item.carried else set()
                return self._value_reads(embedded.value, type_name, at_hand, carried) or any(
                    self._reads(rows, {item.record: ""}, told)
                    for rows in _rows_below(next(iter(one.below.values())))
                )
            case Part() | GlobalId() | None:
                return False
        return True

    def _value_reads(
        self, value: Value, type_name: str, at_hand: Mapping[type[Record], str], carried: Any
    ) -> bool:
        sources = self._sources(type_name)
        if value.record in at_hand or (value.record, value.key) in carried:
            lacking = value.otherwise is not None and _may_be_none(_type_of(value.record, value.key))
            return lacking and self._thorough and value.otherwise in sources
        if value.record in sources:
            return True
        return value.otherwise is not None and value.otherwise not in at_hand and value.otherwise in sources

    def _sources(self, type_name: str) -> Mapping[type[Record], Source]:
        definition = (self._schema.get_type(type_name).extensions or {}).get("strawberry-definition")  # type: ignore[union-attr]  # a type of this schema
        sources: Mapping[type[Record], Source] = getattr(getattr(definition, "origin", None), "sources", {})
        return sources


def _incomplete() -> Any:
    raise Unforeseen("incomplete")


def _null() -> Any:
    raise Unforeseen("null")


def _proves(op: Op, own: type[Record]) -> bool:
    if isinstance(op, Windows):
        return op.binding.proves
    return isinstance(op, Record_) and op.record is not own


def _node_types(schema: GraphQLSchema) -> Mapping[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for name, of_type in schema.type_map.items():
        definition = (of_type.extensions or {}).get("strawberry-definition")
        origin = getattr(definition, "origin", None)
        if isinstance(origin, type) and hasattr(origin, "sources"):
            found[name] = origin
    return found


def _python_name(definition: GraphQLField) -> str:
    name: str = definition.extensions["strawberry-definition"].python_name
    return name


def _type_of(record: type[Record], key: str) -> Any:
    return next(f.type for f in msgspec.structs.fields(record) if f.name == key)


def _options(typed: Any) -> tuple[Any, ...]:
    return get_args(typed) if get_origin(typed) in (Union, UnionType) else (typed,)


def _may_be_none(typed: Any) -> bool:
    return NoneType in _options(typed)


def _bare(typed: Any) -> Any:
    """The one type that a value has when it is not None, without what further limits it."""
    options = [t for t in _options(typed) if t is not NoneType]
    if len(options) != 1:
        return None
    return options[0].__origin__ if hasattr(options[0], "__metadata__") else options[0]


def _item_of(typed: Any) -> Any:
    bare = _bare(typed) if typed is not None else None
    return get_args(bare)[0] if get_origin(bare) is list else None


def _wants_rows(one: PlanField) -> bool:
    connection = next(iter(one.below.values()))
    return any(True for _ in _rows_below(connection))


def _rows_below(connection: Selection) -> list[Selection]:
    """What is selected on the rows of a connection."""
    found = [f for f in connection.fields if f.name == "nodes"]
    for edges in (f for f in connection.fields if f.name == "edges"):
        found += [f for f in next(iter(edges.below.values())).fields if f.name == "node"]
    return [next(iter(f.below.values())) for f in found]


def _shape(selection: Selection) -> Any:
    """What two selections have in common when they can be read and made together."""
    return tuple(
        (
            one.key,
            one.name,
            _given(one),
            tuple((name, _shape(below)) for name, below in one.below.items()),
        )
        for one in selection.fields
    )


def _given(one: PlanField) -> str:
    return ",".join(print_ast(argument) for argument in one.nodes[0].arguments or ())
