"""Connections: the functions that make them, and the places of their rows."""

from collections.abc import Callable
from typing import Any

from ocpplab_graphql.execution.bindings import Embedded, GlobalId, Many, Named, RowNode, Value, reads
from ocpplab_graphql.execution.compiled.arguments import arguments_of
from ocpplab_graphql.execution.compiled.rows import Below, Entries, NamedRows, Rows, Windows
from ocpplab_graphql.execution.compiled.values import Values, rows_below, type_of
from ocpplab_graphql.execution.compiled.writing import Scope, Uncovered
from ocpplab_graphql.execution.plan import PlanField, Selection


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
                    made = self._object(Scope(selection.type_name, var=var), selection)
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
                    typed = type_of(one.binding.record, one.binding.key)
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
        if scope.plain in scope.used:
            key = f"r.{item.record.KEY}"
            above = [f"*{{k[{i}] for k in keys}}" for i in range(item.above)]
            is_plain = self._constant(self._is_plain(selection), "is_plain")
            place.prologue.append(
                f"{scope.plain} = {is_plain}('~'.join([{', '.join([*above, f'*[{key} for r in rows]'])}]))"
            )
        self._finish(place, scope, made)
        return Below(place, before, after, place.needs_nodes, "u" in scope.used)

    def _is_plain(self, selection: Selection) -> Any:
        return next(f.binding.is_plain for f in selection.fields if isinstance(f.binding, GlobalId))

    def _row_scope(self, item: RowNode, type_name: str, *, row: str, parent: str, up: str) -> Scope:
        """The scope of a row: its record, its key, and what its parent tells of it."""
        if item.node is None:
            return Scope(type_name, var=row, used={row})
        key = (*(f"{parent}[{i}]" for i in range(item.above)), f"{row}.{item.record.KEY}")
        scope = Scope(type_name, key=key, records={item.record: row}, plain=self._fresh("plain"))
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
        name, paging = self._fresh("entries"), self._fresh("paging")
        rows_made: list[str] = []
        plains: list[str] = []

        def rows_of(_before: str, _after: str | None, selection: Selection) -> str:
            row = self._fresh("x")
            inner = self._row_scope(binding.item, selection.type_name, row=row, parent="key", up="r")
            made = self._object(inner, selection)
            if inner.plain is not None and inner.plain in inner.used:
                plains.append(inner.plain)
                is_plain = self._constant(self._is_plain(selection), "is_plain")
                every = f"{row}.{binding.item.record.KEY} for r in rows for {row} in {entries} or ()"
                place.prologue.append(f"{inner.plain} = {is_plain}('~'.join([{every}]))")
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
        if isinstance(scope.key, str):
            key = f"key = {self._use(scope, scope.key)}"
        else:
            key = f"key = ({', '.join(self._use(scope, part) for part in scope.key)},)"
        takes_key = cursors or any(field.name == "pageInfo" for field in connection.fields)
        lines = [
            "if rows is None:",
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
        lines += rows_made
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
