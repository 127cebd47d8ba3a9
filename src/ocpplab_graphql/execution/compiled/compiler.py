"""
From a plan to a program: the places, what is read for each, and the functions that make the answer.

Read `program.py` first. A function is Python source: one comprehension over the rows of a place, each row
made into a `msgspec.Struct` that encodes to the response keys. What writes it is in layers: `writing.py` the
text, `values.py` what a field says, `connections.py` the connections, and here objects and the root.
"""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, GraphQLField, GraphQLSchema, print_ast

from ocpplab_graphql.execution.bindings import (
    Computed,
    Embedded,
    Gallery,
    GlobalId,
    Lookup,
    Many,
    Named,
    Parent,
    Part,
    Single,
    Value,
    own_record,
    reads,
)
from ocpplab_graphql.execution.compiled.arguments import arguments_of
from ocpplab_graphql.execution.compiled.connections import Connections
from ocpplab_graphql.execution.compiled.nodes import (
    Above,
    Exists,
    FurtherRecord,
    Galleries,
    Lookups,
    Searched,
)
from ocpplab_graphql.execution.compiled.program import Op, Place, Program
from ocpplab_graphql.execution.compiled.rows import Windows
from ocpplab_graphql.execution.compiled.writing import Draft, Scope, Uncovered
from ocpplab_graphql.execution.plan import Plan, PlanField, Selection
from ocpplab_graphql.gateway.records import Record


def compiled(schema: GraphQLSchema, plan: Plan, *, thorough: bool) -> Program:
    """
    The program of a plan.

    Args:
        thorough: whether values that a row may lack are read from another record, instead of giving up.

    Raises:
        Uncovered: there is none.
    """
    try:
        return _Compiler(schema, thorough=thorough).program(plan)
    except (SyntaxError, RecursionError, MemoryError, GraphQLError) as error:
        raise Uncovered(str(error)) from error


class _Compiler(Connections):
    def program(self, plan: Plan) -> Program:
        root = self._place(plan.root.type_name)
        self._root(root, plan.root)
        text = "\n".join(self._source)
        exec(compile(text, "<compiled query>", "exec"), self._names)  # noqa: S102  # our own text: names of clients stand in it as repr() only
        for bind in self._pending:
            bind()
        return Program(self._places)

    def _root(self, place: Draft, selection: Selection) -> None:
        scope = Scope(selection.type_name, place=place)
        lookups: Lookups | None = None
        shared: dict[tuple[str, Any], Draft] = {}
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
        self, lookups: Lookups, one: PlanField, binding: Lookup, shared: dict[tuple[str, Any], Draft]
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

    def _looked_up(self, type_name: str, selection: Selection) -> Draft | None:
        sources = self._sources(type_name)
        own = own_record(sources)
        if own is None:
            return None  # a Provisioning: read by its owner, and left to the ordinary executor
        place = self._place(type_name, own)
        exists = Exists(place, self._number(), sources[own], ())
        place.ops.append(exists)
        needed = any(reads(one.binding, own) for one in selection.fields)
        scope = Scope(type_name, key="k", place=place)
        if needed:
            scope.records[own] = "r"
        made = self._object(scope, selection)
        if not needed:
            proofs = [op for op in place.ops if _proves(op, own)]
            exists.proofs = proofs
        self._finish(place, scope, made)
        return place

    def _gallery(self, place: Draft, one: PlanField, binding: Gallery) -> Op:
        op = Galleries(place, self._number(), one.key, binding, arguments_of(one.definition, one.nodes[0]))
        place.ops.append(op)
        selection = next(iter(one.below.values()))
        made = self._object(Scope(selection.type_name, var="x"), selection)
        name = self._fresh("gallery")
        self._define(name, ["rows"], [f"return [{made} for x in rows]"])

        def bind(function: Any) -> None:
            op.made = function

        self._bound(name, bind)
        return op

    def _object(self, scope: Scope, selection: Selection) -> str:
        """An expression that makes the answer's object."""
        values = [self._field(scope, one) for one in selection.fields]
        return f"{self._struct([one.key for one in selection.fields])}({', '.join(values)})"

    def _field(self, scope: Scope, one: PlanField) -> str:
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
            case Named() as binding:
                return self._named(scope, one, binding)
        return self._plain_field(scope, one)

    def _plain_field(self, scope: Scope, one: PlanField) -> str:
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

    def _single(self, scope: Scope, one: PlanField, binding: Single) -> str:
        op = self._record(scope, binding.record)
        op.always = True
        op.fields[one.key] = None
        column = self._column(self._needed(scope), op)
        selection = next(iter(one.below.values()))
        if isinstance(scope.key, str):
            key: tuple[str, ...] | str = f"({binding.owner!r}, *{self._use(scope, scope.key)})"
        else:
            key = (repr(binding.owner), *(self._use(scope, part) for part in scope.key))
        below = Scope(selection.type_name, key=key, records={binding.record: column})
        return self._object(below, selection)

    def _parent(self, scope: Scope, one: PlanField, binding: Parent) -> str:
        selection = next(iter(one.below.values()))
        if isinstance(scope.key, str):
            key: tuple[str, ...] | str = f"{self._use(scope, scope.key)}[:{binding.parts}]"
        else:
            key = tuple(self._use(scope, part) for part in scope.key[: binding.parts])
        if not self._reads(selection, {}, frozenset()):
            return self._object(Scope(selection.type_name, key=key), selection)
        place = self._needed(scope)
        above = self._place(selection.type_name)
        op = Above(place, self._number(), one.key, binding, above)
        place.ops.append(op)
        place.needs_nodes = True
        inner = Scope(selection.type_name, key="k", place=above)
        made = self._object(inner, selection)
        self._finish(above, inner, made)
        above.needs_nodes = True
        return self._column(place, op)


def _proves(op: Op, own: type[Record]) -> bool:
    if isinstance(op, Windows):
        return op.binding.proves
    return isinstance(op, FurtherRecord) and op.record is not own


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
