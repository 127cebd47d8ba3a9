"""
What a plan costs with the variables of one request: calls as bounds, and nodes.

What cannot be known beforehand, such as how long a list is or whether a row exists, is *at least, at most*.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

from graphql import (
    GraphQLError,
    get_argument_values,
)
from graphql.execution.values import VariableValues

from ocpplab_graphql.execution.bindings import (
    Binding,
    Computed,
    Embedded,
    Gallery,
    Given,
    Lookup,
    Many,
    Named,
    Parent,
    Single,
    Sources,
    Value,
    Write,
    own_record,
    values_of,
)
from ocpplab_graphql.execution.plan import Plan, PlanField, Selection
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
    ChargerSummaryRecord,
    CPORecord,
    Record,
)
from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX, pages_covering

CPO = "GET /ocpi/cpos/{cpo_id}"
CHARGERS_OF_LOCATION = "GET /ocpp/locations/{ocpp_location_id}/chargers"

_NUMBERS = (int, float)

# Costs kept for one plan; none with a text in its variables that is longer than that.
_COSTS_KEPT, _KEPT_LENGTH_MAX = 64, 256

# The list that a row stands in.
LISTS: Mapping[str, str] = {
    "CPO": "GET /ocpi/cpos",
    "Location": "GET /ocpi/cpos/{cpo_id}/locations",
    "Charger": "GET /ocpp/chargers",
    "ChargerLog": "GET /ocpp/chargers/{charger_id}/logs",
}
_LOGS_LIMIT_MAX = 1000


@dataclass(frozen=True, slots=True)
class Bound:
    """At least, and at most."""

    least: int = 0
    most: int = 0

    def __add__(self, other: "Bound") -> "Bound":
        return Bound(self.least + other.least, self.most + other.most)

    def times(self, parents: "Bound") -> "Bound":
        """As much for each of so many."""
        return Bound(self.least * parents.least, self.most * parents.most)


ONE = Bound(1, 1)


@dataclass(frozen=True)  # without slots: it keeps its total
class Cost:
    """
    What a selection costs.

    Attributes:
        calls: per route.
        nodes: how many objects with an id, or rows of a list, it could bring.
        cpo: calls for the record of the CPO above, which one read serves for all that is below it.
    """

    calls: Mapping[str, Bound] = field(default_factory=dict)
    nodes: int = 0
    cpo: Bound = Bound()

    def __add__(self, other: "Cost") -> "Cost":
        # At least the larger of the two: what both read of one route, one call may bring.
        calls = {
            route: Bound(
                max(_of(self, route).least, _of(other, route).least),
                _of(self, route).most + _of(other, route).most,
            )
            for route in {**self.calls, **other.calls}
        }
        shared = Bound(max(self.cpo.least, other.cpo.least), max(self.cpo.most, other.cpo.most))
        return Cost(calls, self.nodes + other.nodes, shared)

    def times(self, parents: Bound) -> "Cost":
        """The same for each of so many parents below one CPO."""
        calls = {route: bound.times(parents) for route, bound in self.calls.items()}
        shared = Bound(self.cpo.least if parents.least else 0, self.cpo.most if parents.most else 0)
        return Cost(calls, self.nodes * parents.most, shared)

    def settled(self) -> "Cost":
        """With the calls for the CPO above counted here."""
        return replace(self + _calls(CPO, self.cpo), cpo=Bound()) if self.cpo.most else self

    @cached_property
    def total(self) -> Bound:
        """All calls."""
        return reduce(Bound.__add__, self.calls.values(), Bound())


def _calls(route: str, bound: Bound) -> Cost:
    return Cost({route: bound}) if bound.most else Cost()


def cost(plan: Plan, variables: VariableValues, page_size: int) -> Cost:
    """
    What an operation would cost with these variables. What @skip and @include leave out costs nothing.

    Args:
        page_size: rows of a connection when neither `first` nor `last` is given.
    """
    return _Costing(variables, page_size).root(plan.root)


def known_cost(plan: Plan, variables: VariableValues, page_size: int) -> Cost:
    """`cost`, reckoned once for all variables that cannot make a difference to it."""
    known: _KnownCosts | None = plan.memory.get("costs")
    if known is None:
        known = plan.memory["costs"] = _KnownCosts(plan)
    matters = known.matters(variables.coerced)
    if matters is None:
        return cost(plan, variables, page_size)
    found = known.costs.get(matters)
    if found is None:
        found = known.costs[matters] = cost(plan, variables, page_size)
        if len(known.costs) > _COSTS_KEPT:
            known.costs.popitem(last=False)
    return found


class _KnownCosts:
    """The costs of one plan, by what makes a difference to them."""

    def __init__(self, plan: Plan) -> None:
        self.costs: OrderedDict[Hashable, Cost] = OrderedDict()
        self._alone = sum(isinstance(one.binding, Lookup) for one in plan.root.fields) <= 1

    def matters(self, values: Mapping[str, Any]) -> Hashable | None:
        """
        What of the variables makes a difference; None if that cannot be told.

        Numbers do, whether a cursor is there, and the type that a global id names. Which id it is does so only
        when several fields look something up: equal ids are read once.
        """
        parts: list[Hashable] = []
        for name, value in values.items():
            if isinstance(value, str) and len(value) <= _KEPT_LENGTH_MAX:
                kind = value.partition(":")[0] if ":" in value else ""
                parts.append((name, kind if self._alone else value))
            elif value is None or isinstance(value, _NUMBERS):
                parts.append((name, type(value), value))
            else:
                return None
        return tuple(parts)


def told(costs: Cost) -> dict[str, Any]:
    """A cost as clients see it: numbers where they are known, bounds where they are not."""
    return {
        "calls": _told(costs.total),
        "nodes": costs.nodes,
        "requests": [{"route": route, "calls": _told(bound)} for route, bound in costs.calls.items()],
    }


def _told(bound: Bound) -> Any:
    return bound.most if bound.least == bound.most else {"least": bound.least, "most": bound.most}


class _Costing:
    def __init__(self, variables: VariableValues, page_size: int) -> None:
        self._variables = variables
        self._page_size = page_size
        # With each cost its selection, which must live as long as its id is a key.
        self._known: dict[tuple[int, frozenset[type[Record]]], tuple[Selection, Cost]] = {}
        # The routes by which nodes are read singly that a list may bring as well.
        self._singly: set[str] = set()

    def root(self, selection: Selection) -> Cost:
        """What the fields of the root cost together: they share what they read."""
        parts: list[Cost] = []
        lookups: dict[str, dict[Any, Cost]] = {}
        for one in selection.fields:
            if isinstance(one.binding, Lookup):
                for type_name, key, cost_of_one in self._lookup(one, one.binding):
                    of_type = lookups.setdefault(type_name, {})
                    of_type[key] = of_type.get(key, Cost()) + cost_of_one
            else:
                parts.append(self._field(one, selection.type_name, frozenset()).settled())
        for type_name, by_key in lookups.items():
            parts += by_key.values()
            if len(by_key) > 1 and type_name in {"CPO", "Location"}:
                # Read together, pages of the list may take the place of single reads.
                parts.append(_calls(LISTS[type_name], Bound(0, len(by_key))))
        return parts[0] if len(parts) == 1 else self._together(parts)

    def _together(self, parts: Iterable[Cost]) -> Cost:
        """Parts that share what they read: a list that one reads may save another its single read."""
        total = reduce(Cost.__add__, parts, Cost())
        calls = {r: Bound(0, b.most) if r in self._singly else b for r, b in total.calls.items()}
        return replace(total, calls=calls)

    def _selection(self, selection: Selection | None, at_hand: frozenset[type[Record]]) -> Cost:
        """What a selection costs on one object of which these records are at hand."""
        if selection is None:
            return Cost()
        key = (id(selection), at_hand)
        if key in self._known:
            return self._known[key][1]
        own = own_record(selection.sources)
        if own is not None:
            self._singly.add(selection.sources[own].route)
        found = self._records(selection, at_hand)
        for one in selection.fields:
            found += self._field(one, selection.type_name, at_hand)
        self._known[key] = (selection, found)
        return found

    def _records(self, selection: Selection, at_hand: frozenset[type[Record]]) -> Cost:
        """The reads of the object's own records; each record once."""
        wanted = {
            record for one in selection.fields for record in _wanted(one.binding, selection.sources, at_hand)
        }
        reads = (_calls(selection.sources[r].route, ONE) for r in wanted)
        return reduce(Cost.__add__, reads, Cost())

    def _field(self, one: PlanField, type_name: str, at_hand: frozenset[type[Record]]) -> Cost:
        match one.binding:
            case Many() as binding:
                return self._many(one, binding, at_hand)
            case Embedded():
                return self._embedded(one)
            case Named():
                return self._named(one)
            case Single(record=record):
                return self._first(one, frozenset({record})) + Cost(nodes=1)
            case Parent():
                return self._parent(one, type_name)
            case Gallery(route=route):
                return _calls(route, ONE)
            case Write(route=route):
                return _calls(route, Bound(0, 1)) + self._first(one, frozenset())
            case Given(records=records):
                below = self._first(one, frozenset(records)) + Cost(nodes=1)
                return below.times(Bound(0, 1)).settled()
        return self._first(one, at_hand)

    def _first(self, one: PlanField, at_hand: frozenset[type[Record]]) -> Cost:
        return self._selection(next(iter(one.below.values()), None), at_hand)

    def _many(self, one: PlanField, binding: Many, at_hand: frozenset[type[Record]]) -> Cost:
        row = self._row(one)
        size, start, from_end = self._window(one)
        route = LISTS[row.type_name if row is not None else self._row_type(one)]
        limit = _LOGS_LIMIT_MAX if route == LISTS["ChargerLog"] else PAGE_LIMIT_MAX
        if row is None:
            return _calls(route, ONE)
        pages = _pages(size, start, from_end, limit)
        below = self._selection(row, frozenset({binding.item.record}))
        # Locations below a CPO share its record: at hand if it was read for the CPO itself.
        below = (
            below if row.type_name == "Location" and CPORecord not in at_hand else replace(below, cpo=Bound())
        )
        rows = below.times(Bound(0, size)) + Cost(nodes=size)
        return _calls(route, pages) + (rows.settled() if row.type_name == "Location" else rows)

    def _embedded(self, one: PlanField) -> Cost:
        row = self._row(one)
        size, _, _ = self._window(one)
        if row is None:
            return Cost()
        wanted = any(
            ChargerRecord in _wanted(f.binding, row.sources, frozenset({ChargerSummaryRecord}))
            for f in row.fields
        )
        below = self._selection(row, frozenset({ChargerSummaryRecord, ChargerRecord}))
        full = Bound(0, -(-size // PAGE_LIMIT_MAX)) if wanted else Bound()
        return below.times(Bound(0, size)) + Cost(nodes=size) + _calls(CHARGERS_OF_LOCATION, full)

    def _named(self, one: PlanField) -> Cost:
        row = self._row(one)
        size, _, _ = self._window(one)
        own = own_record(row.sources) if row is not None else None
        if row is None or own is None:
            return Cost()
        reads = self._records(row, frozenset()).total.most
        below = self._selection(row, frozenset({own})).times(Bound(0, size)).settled()
        found = _calls(row.sources[own].route, Bound(0, size)) if reads else Cost()
        scanned = _calls(LISTS[row.type_name], Bound(0, 1)) if reads and size >= 3 else Cost()
        return below + found + scanned + Cost(nodes=size)

    def _parent(self, one: PlanField, type_name: str) -> Cost:
        below = self._first(one, frozenset())
        own = below.calls.get(CPO, Bound())
        rest = {route: bound for route, bound in below.calls.items() if route != CPO}
        if type_name == "Location":
            return Cost(rest, below.nodes + 1, cpo=own)
        return Cost(below.calls, below.nodes + 1)

    def _lookup(self, one: PlanField, binding: Lookup) -> Iterator[tuple[str, Any, Cost]]:
        """(type, key, cost) of each node that a lookup names."""
        given = self._arguments(one)
        ids = given.get(binding.argument)
        for one_id in ids if isinstance(ids, list) else [ids]:
            type_name = binding.node or str(one_id).partition(":")[0]
            if type_name in one.below:
                key = (str(given.get("cpoId")), str(one_id))
                yield type_name, key, self._one(one.below[type_name])

    def _one(self, selection: Selection) -> Cost:
        """One node: its own record, unless something below proves that it exists."""
        sources = selection.sources
        own = own_record(sources)
        if own is None:
            return _calls("GET /ocpi/cpos/{cpo_id}/status", ONE) + Cost(nodes=1)
        included = selection.fields
        wanted = any(own in _wanted(f.binding, sources, frozenset()) for f in included)
        proven = any(_proves(f.binding, sources) for f in included)
        below = self._selection(selection, frozenset({own})).settled() + Cost(nodes=1)
        read = _calls(sources[own].route, ONE) if wanted or not proven else Cost()
        return _cheapest_first(read + below)

    def _row(self, one: PlanField) -> Selection | None:
        """What is selected on the rows of a connection; None if nothing of them is."""
        connection = next(iter(one.below.values()), None)
        if connection is None:
            return None
        found = [f for f in connection.fields if f.name == "nodes"]
        for edges in (f for f in connection.fields if f.name == "edges"):
            edge = next(iter(edges.below.values()))
            found += [f for f in edge.fields if f.name == "node"]
        rows: list[Selection] = [next(iter(f.below.values())) for f in found if f.below]
        if len(rows) > 1:
            return replace(rows[0], fields=tuple(f for row in rows for f in row.fields))
        return rows[0] if rows else None

    def _row_type(self, one: PlanField) -> str:
        connection = next(iter(one.below))
        return connection.removesuffix("Connection")

    def _window(self, one: PlanField) -> tuple[int, int | None, bool]:
        """(most rows, first position if it is known, whether it counts from the end)."""
        given = self._arguments(one)
        first, last = given.get("first"), given.get("last")
        size = first if isinstance(first, int) else last if isinstance(last, int) else self._page_size
        from_end = isinstance(last, int) and not given.get("before")
        known = given.get("after") is None and given.get("before") is None
        return max(0, size), 0 if known else None, from_end

    def _arguments(self, one: PlanField) -> Mapping[str, Any]:
        try:
            return get_argument_values(one.definition, one.nodes[0], self._variables)
        except GraphQLError:
            return {}


def _wanted(
    binding: Binding | None, sources: Sources, at_hand: frozenset[type[Record]]
) -> Iterator[type[Record]]:
    """The records that a field makes an object read whose records come from there."""
    if isinstance(binding, Single):
        yield binding.record
        return
    if not isinstance(binding, Value | Computed | Embedded | Named):
        return
    for value in values_of(binding):
        options = [r for r in (value.record, value.otherwise) if r is not None]
        if not any(record in at_hand for record in options):
            yield from [r for r in options if r in sources][:1]


def _proves(binding: Binding | None, sources: Sources) -> bool:
    match binding:
        case Many(proves=proves):
            return proves
        case Single(record=record) | Value(record=record):
            return record in sources and record is not own_record(sources)
    return False


def _pages(size: int, start: int | None, from_end: bool, limit: int) -> Bound:
    most = -(-size // limit)
    if from_end:
        return Bound(1, 2 + most)
    if limit == _LOGS_LIMIT_MAX:
        return Bound(most, most)
    if start is None:
        return Bound(most, most + 1)
    exact = len(pages_covering([(start, start + size)]))
    return Bound(exact, exact)


def _of(cost: Cost, route: str) -> Bound:
    return cost.calls.get(route, Bound())


def _cheapest_first(cost: Cost) -> Cost:
    """A node may not exist: then only the first call is made."""
    if not cost.calls:
        return cost
    first = next(iter(cost.calls))
    calls = {r: b if r == first else Bound(0, b.most) for r, b in cost.calls.items()}
    return replace(cost, calls=calls)
