"""Figures as a page of Markdown: ratios first, then the aims, the figures, how cost grows, and the machine."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.peers.figures import Cell, Entrant, Figures, Summary

# The aims of the project, in the words of the rows; measured by `_aims`.
_LATENCY_ROW = "20"

_OPENING = """\
Written by `make bench` on {when}: {kind}. One core for the servers, the other for the load and the gateway's stand-in;
medians of alternating rounds. Ratios count; absolute numbers belong to one machine.

All servers serve the same part of [schema.graphql](../schema.graphql). Before anything is timed their answers are
compared byte for byte, but for blanks and escapes, and each answer under load is compared with the one that was
checked. *Floor* is our server and HTTP client without GraphQL: the same reads, their bytes joined."""

_RATIOS = """\
How many times the throughput of each other {name} has; in brackets, how many times
its CPU for one operation each other takes, best rounds. The last row is its CPU over the floor's."""


def page(figures: Figures, picture: str) -> str:
    """
    The whole page.

    Args:
        picture: file name of the picture, beside the page.
    """
    parts = [
        "# Beside other servers",
        _opening(figures),
        f"![Throughput of each system for each workload]({picture})",
        "## Ratios",
        _RATIOS.format(name=figures.subject.name),
        _ratios(figures),
        "## Aims",
        _aims_table(figures),
        "## Figures",
        *(
            part
            for task in figures.tasks
            for part in (f"### {_heading(figures, task.name)}", _table(figures, task.name))
        ),
        "## How cost grows",
        *_growth(figures),
        "## The machine",
        _facts(figures),
        "The method, and what it cannot tell: [bench/README.md](../bench/README.md).",
    ]
    return "\n\n".join(parts) + "\n"


def _opening(figures: Figures) -> str:
    kind = "a quick run, for a first look only" if figures.quick else "a full run"
    return _OPENING.format(when=figures.when, kind=kind)


def _heading(figures: Figures, name: str) -> str:
    task = next(task for task in figures.tasks if task.name == name)
    clients = "1 client" if task.connections == 1 else f"{task.connections} clients"
    return f"{task.name}: {task.says.removesuffix(', one client')} ({clients}, {task.answer_bytes:,} bytes)"


# ---------------------------------------------------------------------------------------------- ratios


def _ratios(figures: Figures) -> str:
    subject = figures.subject
    names = [task.name for task in figures.tasks]
    rows = [
        [f"× {other.name}", *(_times(figures, name, subject.key, other.key) for name in names)]
        for other in figures.entrants
        if other != subject and other.key != "floor" and other.missing is None
    ]
    over = [over_floor(figures, name) for name in names]
    rows.append(["CPU ÷ floor", *("–" if value is None else f"{value:.2f}" for value in over)])
    missing = [f"\n{e.name}: missing, {e.missing}." for e in figures.entrants if e.missing is not None]
    return _markdown(["", *names], rows) + "".join(f"\n{line}" for line in missing)


def times(figures: Figures, task: str, key: str, other: str) -> float | None:
    """Throughput of one system over that of another."""
    ours, theirs = figures.summary(task, key), figures.summary(task, other)
    return ours.per_s / theirs.per_s if ours and theirs and theirs.per_s else None


def over_floor(figures: Figures, task: str) -> float | None:
    """CPU of our system over that of the floor, best rounds."""
    ours, floor = figures.summary(task, figures.subject.key), figures.summary(task, "floor")
    return ours.cpu_best_ms / floor.cpu_best_ms if ours and floor and floor.cpu_best_ms else None


def _times(figures: Figures, task: str, key: str, other: str) -> str:
    ours, theirs = figures.summary(task, key), figures.summary(task, other)
    ratio = times(figures, task, key, other)
    if ratio is None or ours is None or theirs is None:
        return "–"
    return f"{_ratio(ratio)} ({_ratio(theirs.cpu_best_ms / ours.cpu_best_ms) if ours.cpu_best_ms else '–'})"


def _ratio(value: float) -> str:
    return f"{value:,.0f}×" if value >= 20 else f"{value:.1f}×" if value >= 1 else f"{value:.2f}×"


# ------------------------------------------------------------------------------------------------ aims


@dataclass(frozen=True)
class _Aim:
    says: str
    measured: float | None
    bound: float
    unit: str
    at_least: bool = True

    def row(self) -> list[str]:
        if self.measured is None:
            return [self.says, "not measured", "–"]
        met = self.measured >= self.bound if self.at_least else self.measured <= self.bound
        return [self.says, f"{_short(self.measured)}{self.unit}", "yes" if met else "no"]


def _aims_table(figures: Figures) -> str:
    return _markdown(["aim", "measured", "met"], [aim.row() for aim in _aims(figures)])


def _aims(figures: Figures) -> Iterable[_Aim]:
    key = figures.subject.key

    def ratio(task: str, *others: str) -> float | None:
        known = [r for other in others if (r := times(figures, task, key, other)) is not None]
        return min(known, default=None)

    yield _Aim("W2: at least 50× tutorial Strawberry", ratio("W2", "tutorial"), 50, "×")
    yield _Aim("W2: at least 3× the best Node JIT server", ratio("W2", "mercurius", "yoga"), 3, "×")
    yield _Aim("W2: at most 2.7× the floor's CPU", over_floor(figures, "W2"), 2.7, "×", at_least=False)
    yield _Aim("W1: at least 50× tutorial Strawberry", ratio("W1", "tutorial"), 50, "×")
    yield _Aim("W1: at least 1.5× Mercurius JIT", ratio("W1", "mercurius"), 1.5, "×")
    one = "W3, one client"
    yield _Aim("W3, one client: at least 150× tutorial Strawberry", ratio(one, "tutorial"), 150, "×")
    yield _Aim("W3: at least 3× Mercurius JIT", ratio("W3", "mercurius"), 3, "×")
    for task, calls in (("W1", 1), ("W2", 6), ("W3", 1), ("W3, single reads", 25)):
        found = figures.summary(task, key)
        unit = " calls"
        yield _Aim(
            f"{task}: {calls} gateway calls",
            found.upstream if found else None,
            calls + 0.05,
            unit,
            at_least=False,
        )
    for task, most in (("W2", 44), ("W3", 23)):
        found = _with_latency(figures, task)
        says = f"{task}, one client, 20 ms upstream: at most {most} ms"
        yield _Aim(says, found.p50_ms if found else None, most, " ms", at_least=False)
    rss = [s.rss_mb for task in figures.tasks if (s := figures.summary(task.name, key))]
    yield _Aim("resident memory: at most 85 MB", max(rss, default=None), 85, " MB", at_least=False)
    yield _Aim(
        "resident memory with the sandbox inside: at most 120 MB",
        figures.sandbox_rss_mb,
        120,
        " MB",
        at_least=False,
    )


def _with_latency(figures: Figures, task: str) -> Summary | None:
    for growth in figures.growth:
        if growth.title.startswith(f"{task}, one client") and growth.axis.startswith("upstream"):
            cell = dict(growth.points).get(_LATENCY_ROW, {}).get(figures.subject.key)
            return Summary.of(cell.rounds) if cell and cell.rounds else None
    return None


# --------------------------------------------------------------------------------------------- figures


def _table(figures: Figures, task: str) -> str:
    heads = ["system", "req/s", "CPU ms (best)", "p50 ms", "p99 ms", "gateway calls", "RSS MB (PSS)"]
    return _markdown(heads, [_row(figures, task, entrant) for entrant in figures.entrants])


def _row(figures: Figures, task: str, entrant: Entrant) -> list[str]:
    found = figures.summary(task, entrant.key)
    name = f"**{entrant.name}**" if entrant == figures.subject else entrant.name
    if found is None:
        return [name, f"missing: {entrant.missing or 'not measured'}", *[""] * 5]
    return [
        name,
        _short(found.per_s),
        f"{_short(found.cpu_ms)} ({_short(found.cpu_best_ms)})",
        _short(found.p50_ms),
        _short(found.p99_ms),
        _short(found.upstream),
        f"{found.rss_mb:.0f} ({found.pss_mb:.0f})",
    ]


def _growth(figures: Figures) -> Iterable[str]:
    entrants = [entrant for entrant in figures.entrants if entrant.missing is None]
    for growth in figures.growth:
        yield f"### {growth.title}"
        show = _cell(growth.shows)
        rows = [
            [label, *(show(cells.get(entrant.key, Cell())) for entrant in entrants)]
            for label, cells in growth.points
        ]
        yield f"In {growth.unit}.\n\n" + _markdown([growth.axis, *(e.name for e in entrants)], rows)


def _cell(shows: str) -> Callable[[Cell], str]:
    def show(cell: Cell) -> str:
        if not cell.rounds:
            return cell.left_out or "–"
        found = Summary.of(cell.rounds)
        failed = f" ({found.wrong:,} failed)" if found.wrong else ""
        return _short(getattr(found, shows)) + failed

    return show


def _facts(figures: Figures) -> str:
    rows = [[name, fact] for name, fact in (figures.machine | figures.versions).items()]
    foreign = figures.foreign
    used = f"{statistics.median(foreign):.0%} in the median round, {max(foreign):.0%} in the worst"
    both = f"{figures.ceiling_per_s:,.0f} requests/s of 43 KB with each other"
    rows += [["the servers' core, used by others", used], ["load and stub, one core", both]]
    return _markdown(["what", "which"], rows)


def _short(value: float) -> str:
    """Three digits that matter."""
    for bound, digits in ((100, 0), (10, 1), (1, 2)):
        if value >= bound:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
