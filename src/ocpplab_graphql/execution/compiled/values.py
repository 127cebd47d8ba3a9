"""Values: expressions for what stands in a node's key, its records, or an object inside one."""

from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
)

from ocpplab_graphql.execution.bindings import (
    Computed,
    Embedded,
    GlobalId,
    Parent,
    Part,
    Sources,
    Value,
    sources_of,
)
from ocpplab_graphql.execution.compiled.nodes import FurtherRecord
from ocpplab_graphql.execution.compiled.writing import Draft, Scope, Uncovered, Writing
from ocpplab_graphql.execution.plan import PlanField, Selection
from ocpplab_graphql.gateway.quick import options
from ocpplab_graphql.gateway.records import Record

# What msgspec has checked already, and GraphQL's own serializing would only repeat.
_CHECKED: Mapping[str, tuple[Any, ...]] = {
    "String": (str,),
    "ID": (str,),
    "Int": (int,),
    "Float": (float,),
    "Boolean": (bool,),
}


class Values(Writing):
    """Writes expressions of values, and knows which of them something must be read for."""

    def _object(self, scope: Scope, selection: Selection) -> str:
        """An expression that makes the answer's object."""
        raise NotImplementedError

    def _part(self, scope: Scope, index: int) -> str:
        if isinstance(scope.key, str):
            return f"{self._use(scope, scope.key)}[{index}]"
        return self._use(scope, scope.key[index])

    def _use(self, scope: Scope, expression: str) -> str:
        """Note which of the place's variables an expression takes."""
        scope.used.add(expression[:1])
        return expression

    def _global_id(self, scope: Scope, binding: GlobalId) -> str:
        if isinstance(scope.key, str):
            return f"{self._constant(binding.spelt, 'spelt')}({self._use(scope, scope.key)})"
        spelt = self._constant(binding.spelt_part, "spelt")
        parts = [self._use(scope, part) for part in scope.key]
        if scope.plain is None:
            joined = ":".join(f"{{{spelt}({part})}}" for part in parts)
            return f'f"{binding.type_name}:{joined}"'
        scope.used.add(scope.plain)
        joined, plain = (
            ":".join(f"{{{written}}}" for written in one)
            for one in ([f"{spelt}({part})" for part in parts], parts)
        )
        return f'(f"{binding.type_name}:{plain}" if {scope.plain} else f"{binding.type_name}:{joined}")'

    def _computed(self, scope: Scope, binding: Computed, key: str) -> str:
        needs = []
        for need in binding.needs:
            if isinstance(need, Part):
                needs.append(self._part(scope, need.index))
            else:
                needs.append(self._value(scope, need, key)[0])
        return f"{self._constant(binding.function, 'computed')}({', '.join(needs)})"

    def _value(self, scope: Scope, binding: Value, key: str) -> tuple[str, Any]:
        """An expression of a record's value, and its type as msgspec knows it; `key` is the field's, for the trace."""
        typed = type_of(binding.record, binding.key)
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
            if not self._thorough:
                var = self._fresh("v")
                return f"({var} if ({var} := {near}) is not None else _incomplete())", _bare(typed)
            return self._or_otherwise(scope, binding, near, key), type_of(binding.otherwise, binding.key)
        record = binding.record if binding.record in sources else binding.otherwise
        if record is None:
            return "None", None
        if record in scope.records:
            held = self._use(scope, f"{scope.records[record]}.{binding.key}")
            return held, type_of(record, binding.key)
        if record not in sources:
            return "None", None
        op = self._record(scope, record)
        op.always = True
        op.fields[key] = None
        return f"{self._column(self._needed(scope), op)}.{binding.key}", type_of(record, binding.key)

    def _or_otherwise(self, scope: Scope, binding: Value, near: str, key: str) -> str:
        if binding.otherwise is None or binding.otherwise not in self._sources(scope.type_name):
            return near
        op = self._record(scope, binding.otherwise)
        op.unless.append(binding)
        op.fields.setdefault(key, binding)
        var = self._fresh("v")
        column = self._column(self._needed(scope), op)
        return f"({var} if ({var} := {near}) is not None else {column}.{binding.key})"

    def _record(self, scope: Scope, record: type[Record]) -> FurtherRecord:
        place = self._needed(scope)
        op = place.records.get(record)
        if op is None:
            op = FurtherRecord(place, self._number(), record, self._sources(scope.type_name)[record])
            place.records[record] = op
            place.ops.append(op)
            place.needs_nodes = True
        return op

    @staticmethod
    def _needed(scope: Scope) -> Draft:
        if scope.place is None:
            raise Uncovered(f"{scope.type_name} where nothing can be read")
        return scope.place

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
                selected = self._object(Scope(inner.name, var=name), below[inner.name])
                return f"({selected} if ({name} := {var}) is not None else None)"
            return self._object(Scope(inner.name, var=var), below[inner.name])
        raise Uncovered(str(inner))

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
                    for rows in rows_below(next(iter(one.below.values())))
                )
            case Part() | GlobalId() | None:
                return False
        return True

    def _value_reads(
        self, value: Value, type_name: str, at_hand: Mapping[type[Record], str], carried: Any
    ) -> bool:
        sources = self._sources(type_name)
        if value.record in at_hand or (value.record, value.key) in carried:
            lacking = value.otherwise is not None and _may_be_none(type_of(value.record, value.key))
            return lacking and self._thorough and value.otherwise in sources
        if value.record in sources:
            return True
        return value.otherwise is not None and value.otherwise not in at_hand and value.otherwise in sources

    def _sources(self, type_name: str) -> Sources:
        return sources_of(self._schema.get_type(type_name))


def type_of(record: type[Record], key: str) -> Any:
    """The type of a record's field, as msgspec checks it."""
    return next(f.type for f in msgspec.structs.fields(record) if f.name == key)


def _may_be_none(typed: Any) -> bool:
    return NoneType in options(typed)


def _bare(typed: Any) -> Any:
    """The one type that a value has when it is not None, without what further limits it."""
    kinds = [t for t in options(typed) if t is not NoneType]
    if len(kinds) != 1:
        return None
    return kinds[0].__origin__ if hasattr(kinds[0], "__metadata__") else kinds[0]


def _item_of(typed: Any) -> Any:
    bare = _bare(typed) if typed is not None else None
    return get_args(bare)[0] if get_origin(bare) is list else None


def rows_below(connection: Selection) -> list[Selection]:
    """What is selected on the rows of a connection."""
    found = [f for f in connection.fields if f.name == "nodes"]
    for edges in (f for f in connection.fields if f.name == "edges"):
        found += [f for f in next(iter(edges.below.values())).fields if f.name == "node"]
    return [next(iter(f.below.values())) for f in found]
