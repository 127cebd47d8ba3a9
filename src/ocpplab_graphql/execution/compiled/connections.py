"""Connections: the functions that make them, and the places of their rows."""

from collections.abc import Callable
from typing import Any

from ocpplab_graphql.execution.bindings import Embedded, GlobalId, Many, Named, RowNode, Value, reads
from ocpplab_graphql.execution.compiled.arguments import arguments_of
from ocpplab_graphql.execution.compiled.rows import Below, Entries, NamedRows, Rows, Windows
from ocpplab_graphql.execution.compiled.values import Values, rows_below, type_of
from ocpplab_graphql.execution.compiled.writing import Scope, Uncovered
from ocpplab_graphql.execution.plan import PlanField, Selection

# Gives the variable that a loop has for each item of an expression; the first argument begins its name.
Taken = Callable[[str, str], str]
# Writes what makes a row's node, given the response keys before and after the index, and the loop it stands in.
Node = Callable[[str, str | None, Selection, Taken], str]


class Loop:
    """A comprehension: which variables run over what."""

    def __init__(self, fresh: Callable[[str], str]) -> None:
        self._fresh = fresh
        self.sources: dict[str, str] = {}

    def taken(self, prefix: str, source: str) -> str:
        """See `Taken`."""
        if source not in self.sources:
            self.sources[source] = self._fresh(prefix)
        return self.sources[source]

    def takes(self, source: str) -> bool:
        """Whether a variable runs over this."""
        return source in self.sources

    def over(self, made: str) -> str:
        """The comprehension that makes this of each round."""
        variables, sources = list(self.sources.values()), list(self.sources)
        if len(sources) > 1:
            return f"[{made} for {', '.join(variables)} in zip({', '.join(sources)}, strict=True)]"
        return sources[0] if made == variables[0] else f"[{made} for {variables[0]} in {sources[0]}]"


class Connections(Values):
    """Writes connections of every kind."""

    def _windows(self, scope: Scope, one: PlanField, binding: Many) -> str:
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

        def node(before: str, after: str | None, selection: Selection, taken: Taken) -> str:
            out = f"out{len(outs)}"
            outs.append(out)
            op.below.append(self._below(item, selection, before, after))
            return taken("node", f"{out}[page.start:page.stop]")

        made, cursors = self._connection_object(
            connection,
            node=node,
            rows="rows[page.start:page.stop]",
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
        self, connection: Selection, *, node: "Node", rows: str, total: str, info: str, item: RowNode
    ) -> tuple[str, bool]:
        """
        An expression that makes a connection, and whether it takes `cursors`.

        Args:
            node: writes what makes a row's node.
            rows: an expression of the rows.
            total: of how many there are in all.
            info: of where the page stands.
        """
        values = []
        takes_cursors = False
        for one in connection.fields:
            selection = next(iter(one.below.values()), None)
            match one.name, selection:
                case "__typename", _:
                    values.append(repr(connection.type_name))
                case "totalCount", _:
                    values.append(total)
                case "pageInfo", Selection():
                    var = self._fresh("v")
                    made = self._object(Scope(selection.type_name, var=var), selection)
                    values.append(f"({made} if ({var} := {info}) is not None else None)")
                case "nodes", Selection():
                    loop = Loop(self._fresh)
                    values.append(loop.over(node(one.key, None, selection, loop.taken)))
                case "edges", Selection():
                    loop = Loop(self._fresh)
                    values.append(loop.over(self._edge(loop, one, selection, node, rows, item)))
                    takes_cursors = takes_cursors or loop.takes("cursors")
                case _:
                    raise Uncovered(one.name)
        struct = self._struct([one.key for one in connection.fields])
        return f"{struct}({', '.join(values)})", takes_cursors

    def _edge(
        self, loop: "Loop", edges: PlanField, selection: Selection, node: "Node", rows: str, item: RowNode
    ) -> str:
        """An expression that makes an edge."""
        values = []
        for one in selection.fields:
            match one.name:
                case "__typename":
                    values.append(repr(selection.type_name))
                case "cursor":
                    values.append(loop.taken("cursor", "cursors"))
                case "node":
                    values.append(node(edges.key, one.key, next(iter(one.below.values())), loop.taken))
                case _ if isinstance(one.binding, Value) and one.binding.record is item.record:
                    value = f"{loop.taken('row', rows)}.{one.binding.key}"
                    typed = type_of(one.binding.record, one.binding.key)
                    values.append(self._complete(one.definition.type, value, typed, one.below))
                case _:
                    raise Uncovered(one.name)
        if not loop.sources:
            loop.taken("cursor", "cursors")
        return f"{self._struct([one.key for one in selection.fields])}({', '.join(values)})"

    def _below(
        self,
        item: RowNode,
        selection: Selection,
        before: str,
        after: str | None,
    ) -> Below:
        place = self._place(selection.type_name)
        plain = self._fresh("plain")
        scope = self._row_scope(item, selection.type_name, row="r", parent="k", up="u", plain=plain)
        scope.place = place
        made = self._object(scope, selection)
        if plain in scope.used:
            key = f"r.{item.record.KEY}"
            above = [f"*{{k[{i}] for k in keys}}" for i in range(item.above)]
            is_plain = self._constant(self._is_plain(selection), "is_plain")
            place.prologue.append(
                f"{plain} = {is_plain}('~'.join([{', '.join([*above, f'*[{key} for r in rows]'])}]))"
            )
        self._finish(place, scope, made)
        return Below(place, before, after, place.needs_nodes, "u" in scope.used)

    def _is_plain(self, selection: Selection) -> Any:
        return next(f.binding.is_plain for f in selection.fields if isinstance(f.binding, GlobalId))

    def _row_scope(
        self, item: RowNode, type_name: str, *, row: str, parent: str, up: str, plain: str
    ) -> Scope:
        """The scope of a row: its record, its key, and what its parent tells of it."""
        if item.node is None:
            return Scope(type_name, var=row, used={row})
        key = (*(f"{parent}[{i}]" for i in range(item.above)), f"{row}.{item.record.KEY}")
        scope = Scope(type_name, key=key, records={item.record: row}, plain=plain)
        if item.carried is not None:
            scope.carried[item.carried.record, item.carried.key] = f"{up}.{item.carried.value.key}"
        return scope

    def _named(self, scope: Scope, one: PlanField, binding: Named) -> str:
        place = self._needed(scope)
        record = self._value(scope, binding.value, one.key)[0].rpartition(".")[0]
        # Where the rows are not looked at, they are not read: left to the ordinary executor.
        if record != "r" or not any(
            reads(row.binding, binding.item.record)
            for rows in rows_below(next(iter(one.below.values())))
            for row in rows.fields
        ):
            raise Uncovered(one.name)
        place.needs_nodes = True
        op = NamedRows(place, self._number(), one.key, binding, arguments_of(one.definition, one.nodes[0]))
        place.ops.append(op)
        self._connection(op, one, binding.item)
        return self._column(place, op)

    def _embedded(self, scope: Scope, one: PlanField, binding: Embedded) -> str:
        entries, _ = self._value(scope, binding.value, one.key)
        record = entries.rpartition(".")[0]
        arguments = arguments_of(one.definition, one.nodes[0])
        connection = next(iter(one.below.values()))
        carried = {(binding.item.carried.record, binding.item.carried.key)} if binding.item.carried else set()
        at_hand = {binding.item.record: ""}
        if any(self._reads(rows, at_hand, frozenset(carried)) for rows in rows_below(connection)):
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
        self, scope: Scope, one: PlanField, binding: Embedded, entries: str, record: str, arguments: Any
    ) -> str:
        """Nothing is read for the entries: the connection is made where its owner is."""
        place = self._needed(scope)
        if record != "r":
            raise Uncovered(one.name)
        connection = next(iter(one.below.values()))
        name, paging, plain = self._fresh("entries"), self._fresh("paging"), self._fresh("plain")
        told: list[Selection] = []

        def node(_before: str, _after: str | None, selection: Selection, taken: Taken) -> str:
            row = taken("row", "page")
            inner = self._row_scope(
                binding.item, selection.type_name, row=row, parent="key", up="r", plain=plain
            )
            made = self._object(inner, selection)
            if plain in inner.used:
                told.append(selection)
            return made

        made, cursors = self._connection_object(
            connection,
            node=node,
            rows="page",
            total="length",
            info="run.rules.page_info(paging.cursors(key), (start, stop), length, paging.after)",
            item=binding.item,
        )
        if told:
            is_plain = self._constant(self._is_plain(told[0]), "is_plain")
            every = f"row.{binding.item.record.KEY} for r in rows for row in {entries} or ()"
            place.prologue.append(f"{plain} = {is_plain}('~'.join([{every}]))")
        plains = [plain] if told else []
        if isinstance(scope.key, str):
            key = f"key = {self._use(scope, scope.key)}"
        else:
            key = f"key = ({', '.join(self._use(scope, part) for part in scope.key)},)"
        takes_key = cursors or any(field.name == "pageInfo" for field in connection.fields)
        lines = [
            "if rows is None:",
            "    if paging.first is None:",
            f"        {key}",
            "        paging.span(0, key)",
            "    return None",
            *([key] if takes_key else []),
            "length = len(rows)",
            "if paging.first is not None:",
            "    start, stop = 0, length if length <= paging.first else paging.first",
            "else:",
            *([] if takes_key else [f"    {key}"]),
            "    start, stop = paging.span(length, key)",
            "page = rows if stop - start == length else rows[start:stop]",
        ]
        if cursors:
            lines.append("cursors = paging.cursors(key).between(start, stop)")
        lines.append(f"return {made}")
        parents = ["k"] if "k" in scope.used else []
        self._define(name, ["run", "paging", "rows", "r", *parents, *plains], lines)
        given = self._constant(arguments, "arguments")
        place.prologue.append(f"{paging} = _paging_of(run, {binding.name!r}, {paging!r}, {given})")
        return f"{name}({', '.join(['run', paging, entries, 'r', *parents, *plains])})"


def _wants_rows(one: PlanField) -> bool:
    connection = next(iter(one.below.values()))
    return any(True for _ in rows_below(connection))
