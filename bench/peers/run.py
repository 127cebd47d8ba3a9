"""One whole run: everything is built and started, answers are compared, rounds alternate, growth is followed."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.peers import machine, world
from bench.peers.figures import Cell, Entrant, Figures, Growth, Round, Task
from bench.peers.measure import Load, Running, Stub, ceiling, normalised
from bench.peers.processes import CannotStart, Server, compiled, cores, memory_mb
from bench.peers.systems import NODE, System, systems
from bench.peers.workloads import Workload, by_id, compared, screen, small

# How often each system is asked before its answers are compared.
_ASKED = 4


@dataclass(frozen=True)
class Extent:
    """
    How much is measured.

    Attributes:
        late_s: a point of growth is left out for a system whose answers would come later. Our own deadline is 10 s.
    """

    quick: bool
    rounds: int
    seconds: float
    warm_s: float
    growth_rounds: int
    growth_s: float
    sizes: Sequence[tuple[int, int]]
    clients: Sequence[int]
    latencies_ms: Sequence[int]
    late_s: float


FULL = Extent(
    quick=False,
    rounds=3,
    seconds=3,
    warm_s=2,
    growth_rounds=1,
    growth_s=1.5,
    sizes=((1, 1), (1, 10), (1, 50), (5, 50), (10, 100), (50, 100)),
    clients=(1, 4, 16, 64, 256),
    latencies_ms=(0, 5, 20, 100),
    late_s=8,
)
QUICK = Extent(
    quick=True,
    rounds=2,
    seconds=0.6,
    warm_s=0.4,
    growth_rounds=1,
    growth_s=0.3,
    sizes=((1, 1), (20, 50)),
    clients=(1, 64),
    latencies_ms=(0, 20),
    late_s=2,
)


class AnswersDiffer(Exception):
    """Two systems answer one operation differently: nothing is measured."""


def run(extent: Extent, tell: Callable[[str], None], only: frozenset[str] = frozenset()) -> Figures:
    """
    Measure everything.

    Args:
        only: keys of the systems to measure; none are all. The others are reported as left out.

    Raises:
        AnswersDiffer: before anything was timed, or under load.
        CannotStart: what every run needs is not here.
    """
    described = machine.machine()
    with tempfile.TemporaryDirectory() as named, ExitStack() as stack:
        folder = Path(named)
        server_core, load_core = cores()
        if server_core is None:
            described["pinned"] = "no: there are not two cores and taskset to share them out"
        tell("building stub and load")
        world.write(folder / "rows")
        stub_program, load_program = compiled("stub", folder), compiled("load", folder)
        stub_server = stack.enter_context(Server([str(stub_program), str(folder / "rows")], core=load_core))
        stub = Stub(stub_server)
        load = Load(load_program, folder, core=load_core, stub=stub, server_core=server_core)
        _install_node_packages(tell)
        entrants, started = [], []
        for system in systems(stub.url):
            if only and system.key not in only:
                system = replace(system, missing="left out of this run")  # noqa: PLW2901
            entrant, running = _started(system, stack, server_core, tell)
            entrants.append(entrant)
            started += [running] if running else []
        bench = _Bench(extent, stub, load, started, tell)
        tasks, rounds = bench.compared()
        return Figures(
            when=datetime.now(UTC).strftime("%Y-%m-%d"),
            quick=extent.quick,
            machine=described,
            versions=machine.versions(),
            entrants=entrants,
            tasks=tasks,
            rounds=rounds,
            growth=list(bench.growth()),
            ceiling_per_s=ceiling(load, stub_server.port, extent.seconds),
            sandbox_rss_mb=_with_sandbox_rss_mb(folder, server_core, tell),
        )


def _install_node_packages(tell: Callable[[str], None]) -> None:
    """As the lock file says, once; without them the Node servers are reported as missing."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    if (npm := shutil.which("npm")) is None:
        tell("npm is not here: the Node servers will be missing")
        return
    tell("installing the Node packages (npm ci)")
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE, check=False, timeout=300
    )
    if done.returncode:
        tell("npm ci failed: the Node servers will be missing")
        shutil.rmtree(NODE / "node_modules", ignore_errors=True)


def _started(
    system: System, stack: ExitStack, core: int | None, tell: Callable[[str], None]
) -> tuple[Entrant, Running | None]:
    entrant = Entrant(system.key, system.name, system.ours, system.missing)
    if system.missing is not None:
        tell(f"{system.name}: missing, {system.missing}")
        return entrant, None
    tell(f"starting {system.name}")
    try:
        server = stack.enter_context(Server(system.command, core=core, environ=system.environ))
    except CannotStart as failure:
        tell(f"{system.name}: missing, it does not start: {failure}")
        return replace(entrant, missing=f"it does not start: {failure}"), None
    return entrant, Running(system, server)


class _Bench:
    """What is measured of the systems that run."""

    def __init__(
        self, extent: Extent, stub: Stub, load: Load, started: list[Running], tell: Callable[[str], None]
    ) -> None:
        self._extent = extent
        self._stub = stub
        self._load = load
        self._started = started
        self._tell = tell

    def compared(self) -> tuple[list[Task], dict[str, dict[str, list[Round]]]]:
        """The workloads, in alternating rounds. All are checked before the first is timed."""
        checked = {workload.name: self._equal_answers(workload) for workload in compared()}
        tasks, rounds = [], {}
        for workload in compared():
            answers = checked[workload.name]
            bytes_of_ours = len(next(answers[r.system.key] for r in self._started if r.system.ours))
            tasks.append(Task(workload.name, workload.says, workload.connections, bytes_of_ours))
            rounds[workload.name] = self._alternating(workload, answers)
        return tasks, rounds

    def growth(self) -> Iterator[Growth]:
        """How cost grows with locations, with clients, and with a gateway that is far away."""
        yield from self._by_size()
        for workload in (small(), screen()):
            yield from self._by_clients(workload)
        for workload in (screen(connections=1), by_id(connections=1)):
            yield self._by_latency(workload)
        if not self._extent.quick:
            yield self._by_latency(screen(connections=32))

    def _equal_answers(self, workload: Workload) -> dict[str, bytes]:
        """
        The checked body of each system, by key.

        Raises:
            AnswersDiffer: they say different things.
        """
        answers, said = {}, {}
        for running in self._started:
            # Several times: compilers begin with the second or third. Then each answer under load is compared.
            given = [running.answer(workload) for _ in range(_ASKED)]
            answers[running.system.key] = given[-1]
            if running.system.speaks_graphql:
                for turn, answer in enumerate(given, 1):
                    said[f"{running.system.name} ({turn})"] = normalised(answer)
        if len(set(said.values())) > 1:
            raise AnswersDiffer(_difference(workload, said))
        self._tell(f"{workload.name}: {len(said) // _ASKED} systems give the same answer, {_ASKED} times")
        return answers

    def _alternating(self, workload: Workload, answers: dict[str, bytes]) -> dict[str, list[Round]]:
        found: dict[str, list[Round]] = {running.system.key: [] for running in self._started}
        for running in self._started:
            self._round(running, workload, answers, self._extent.warm_s)
        for turn in range(self._extent.rounds):
            for running in self._started if turn % 2 == 0 else reversed(self._started):
                one = self._round(running, workload, answers, self._extent.seconds)
                found[running.system.key].append(one)
                if one.wrong:
                    raise AnswersDiffer(
                        f"{running.system.name}, {workload.name}: {one.wrong} wrong answers under load"
                    )
            self._tell(f"{workload.name}: round {turn + 1} of {self._extent.rounds}")
        return found

    def _round(
        self,
        running: Running,
        workload: Workload,
        answers: dict[str, bytes],
        seconds: float,
        connections: int = 0,
    ) -> Round:
        checked = answers[running.system.key]
        return self._load.round(running, workload, seconds, checked=checked, connections=connections)

    def _cells(self, workload: Workload, answers: dict[str, bytes], connections: int) -> dict[str, Cell]:
        cells = {running.system.key: Cell() for running in self._started}
        for turn in range(self._extent.growth_rounds):
            for running in self._started if turn % 2 == 0 else reversed(self._started):
                key = running.system.key
                expected_s = self._seconds_of_one(running, workload) * connections if turn == 0 else 0
                if expected_s > self._extent.late_s:
                    cells[key] = Cell(left_out=f"left out: {expected_s:.0f} s")
                if cells[key].left_out is None:
                    one = self._round(running, workload, answers, self._extent.growth_s, connections)
                    cells[key].rounds.append(one)
        return cells

    def _seconds_of_one(self, running: Running, workload: Workload) -> float:
        """The faster of two: the first may still be compiling."""
        spent = []
        for _ in range(2):
            begun = time.perf_counter()
            running.answer(workload)
            spent.append(time.perf_counter() - begun)
        return min(spent)

    def _by_size(self) -> Iterator[Growth]:
        points = []
        for cpos, locations in self._extent.sizes:
            workload = screen(cpos, locations)
            points.append((f"{cpos * locations:,}", self._cells(workload, self._equal_answers(workload), 2)))
        self._tell("growth by locations: done")
        title = "W2, two clients: more locations in one screen"
        yield Growth(f"{title}, CPU", "locations", "cpu_ms", "milliseconds of CPU for one operation", points)
        yield Growth(f"{title}, time", "locations", "p50_ms", "milliseconds until the answer (p50)", points)

    def _by_clients(self, workload: Workload) -> Iterator[Growth]:
        answers = self._equal_answers(workload)
        points = [(str(clients), self._cells(workload, answers, clients)) for clients in self._extent.clients]
        self._tell(f"growth of {workload.name} by clients: done")
        title = f"{workload.name}: more clients at once"
        yield Growth(f"{title}, throughput", "clients", "per_s", "operations a second", points)
        yield Growth(f"{title}, slowest hundredth", "clients", "p99_ms", "milliseconds (p99)", points)

    def _by_latency(self, workload: Workload) -> Growth:
        answers = self._equal_answers(workload)
        points = []
        for latency_ms in self._extent.latencies_ms:
            with self._waiting(latency_ms):
                points.append((str(latency_ms), self._cells(workload, answers, workload.connections)))
        clients = "one client" if workload.connections == 1 else f"{workload.connections} clients"
        name = workload.name.partition(",")[0]
        self._tell(f"growth of {name}, {clients}, by latency: done")
        title = f"{name}, {clients}: a gateway farther away"
        return Growth(title, "upstream latency, ms", "p50_ms", "milliseconds (p50)", points)

    @contextmanager
    def _waiting(self, latency_ms: int) -> Iterator[None]:
        self._stub.wait(latency_ms)
        try:
            yield
        finally:
            self._stub.wait(0)


def _difference(workload: Workload, said: dict[str, bytes]) -> str:
    """The first place where two answers part."""
    (first_name, first), *others = said.items()
    name, other = next((name, answer) for name, answer in others if answer != first)
    at = next(
        (n for n, (a, b) in enumerate(zip(first, other, strict=False)) if a != b), min(len(first), len(other))
    )
    shown = slice(max(0, at - 60), at + 60)
    return (
        f"{workload.name}: {first_name} and {name} differ at byte {at}:\n"
        f"  {first[shown].decode(errors='replace')}\n  {other[shown].decode(errors='replace')}"
    )


def _with_sandbox_rss_mb(folder: Path, core: int | None, tell: Callable[[str], None]) -> float | None:
    """Resident memory of the service with the sandbox inside, after fifty screens of the demo world."""
    tell("the service with the sandbox inside")
    ours = next(system for system in systems("") if system.ours and system.missing is None)
    command = [*ours.command[: ours.command.index("--gateway-url")], "--database", str(folder / "sandbox.db")]
    try:
        with Server(command, core=core, environ=ours.environ) as server:
            running = Running(ours, server)
            for _ in range(50):
                normalised(running.answer(screen(3, 50)))
            return memory_mb(server.pid)[0]
    except (CannotStart, RuntimeError) as failure:
        tell(f"not measured: {failure}")
        return None
