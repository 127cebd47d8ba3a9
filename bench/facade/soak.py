"""
A steady mixed load with many who hang up, for minutes: at the end the process must be as it was at the start.

Compared are two moments of quiet, one after warming up and one after the load: open connections to the gateway
and files, tasks, objects, and memory.

    python -m bench.facade.soak --seconds 300
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.facade.figures import Figure, print_figures
from bench.facade.flood import Flood
from bench.facade.front import GatewayFront
from bench.facade.load import ANSWERED, LEFT, Load
from tests.live.processes import Command
from tests.live.test_bulk_survives_kill import CREATE, item

CLIENTS = {"readers": 3, "newcomers": 2, "writers": 1, "stream_writers": 1, "streams": 2, "sockets": 2}
ABORTERS = 6
LASTING = {"cpoId": "101", "locations": [item(f"Lasting {n}") for n in range(1000)]}
# What may differ between two moments of quiet, for no loss at all.
MOST_MORE = {"files": 3, "tasks": 3, "gateway connections": 3}
MEMORY_MORE_MB = 24.0
OBJECTS_MORE = 1.25
_QUIET_S = 30.0


@dataclass(frozen=True, slots=True)
class State:
    """A process at a moment of quiet."""

    files: int
    tasks: int
    objects: int
    memory_mb: float
    gateway_connections: int


@dataclass
class Soak:
    """A facade of one process, watched, before a gateway of its own."""

    facade: Command
    front: GatewayFront
    counts: Path
    job: str

    async def load(self, seconds: float, name: str) -> tuple[Load, Counter[str]]:
        """Healthy clients and those who hang up, for a while."""
        load = Load(self.facade.url, self.job, name=name, pause_s=0.01, endures=True)
        async with load.running(**CLIENTS), Flood(self.facade.url).running(aborters=ABORTERS) as flood:
            await asyncio.sleep(seconds)
        return load, flood.told

    async def quiet(self, like: State | None = None) -> State:
        """
        The state when it no longer changes: connections that are idle have been closed by then.

        Args:
            like: a state that is waited for, within bounds: something may still be under way.
        """
        end = time.monotonic() + _QUIET_S
        before = await self._state()
        while time.monotonic() < end:
            await asyncio.sleep(1.0)
            now = await self._state()
            settled = (now.files, now.tasks) == (before.files, before.tasks)
            if settled and (like is None or not _more(like, now)):
                return now
            before = now
        return before

    async def _state(self) -> State:
        known = len(self._told())
        os.kill(self.facade.pid, signal.SIGUSR2)
        while len(told := self._told()) == known:  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.02)
        files, memory_mb = _of_process(self.facade.pid)
        return State(files, told[-1]["tasks"], told[-1]["objects"], memory_mb, self.front.connections)

    def _told(self) -> list[dict[str, int]]:
        if not self.counts.exists():
            return []
        return [json.loads(line) for line in self.counts.read_text().splitlines()]


def _of_process(pid: int) -> tuple[int, float]:
    """Its open files, and its memory in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    [resident] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), int(resident) / 1024


@asynccontextmanager
async def soak(folder: Path) -> AsyncIterator[Soak]:
    """Everything in processes of its own."""
    async with AsyncExitStack() as stack:
        arguments = ("sandbox", "--port", "0", "--database", str(folder / "gateway.db"))
        gateway = stack.enter_context(Command(*arguments, "--step-delay-ms", "1000", folder=folder))
        front = GatewayFront((await asyncio.to_thread(gateway.announced)).url)
        await stack.enter_async_context(front)
        counts = folder / "counts"
        environ = {"OCPPLAB_GATEWAY_URL": front.url, "WATCHED_FILE": str(counts)}
        program = (str(Path(__file__).with_name("watched.py")),)
        facade = Command("serve", "--port", "0", folder=folder, environ=environ, program=program)
        await asyncio.to_thread(stack.enter_context(facade).announced)
        made = await asyncio.to_thread(facade.data, CREATE, {"input": LASTING})
        yield Soak(facade, front, counts, made["bulkCreateLocations"]["job"]["jobId"])


async def run(folder: Path, seconds: float) -> list[Figure]:
    """Warm up, be quiet, load, be quiet, compare."""
    async with soak(folder) as made:
        await made.load(min(10.0, max(2.0, seconds / 5)), "warm")
        before = await made.quiet()
        load, told = await made.load(seconds, "load")
        after = await made.quiet(like=before)
        ended = await asyncio.to_thread(made.facade.stop)
    outcomes = load.outcomes()
    said = [line for line in ended.stderr.splitlines() if " INFO " not in line]
    return [
        Figure(
            "operations of healthy clients",
            len(load.samples),
            ", ".join(f"{what} {count:,}" for what, count in outcomes.most_common()),
            ok=not load.lost() and set(outcomes) <= {ANSWERED, LEFT},
        ),
        Figure("operations hung up on", told["hung up"], "see the states below"),
        *_compared(before, after, len(load.samples) + told["hung up"]),
        Figure("SIGTERM at the end", 1, f"exit {ended.code}", ok=not ended.code),
        Figure("warnings and errors in the log", len(said), "; ".join(said[:3]) or "none", ok=not said),
    ]


def _compared(before: State, after: State, operations: int) -> list[Figure]:
    more = _more(before, after)
    rows = {
        "files": (before.files, after.files),
        "tasks": (before.tasks, after.tasks),
        "gateway connections": (before.gateway_connections, after.gateway_connections),
        "memory": (f"{before.memory_mb:.1f} MB", f"{after.memory_mb:.1f} MB"),
        "objects": (f"{before.objects:,}", f"{after.objects:,}"),
    }
    return [
        Figure(f"{what}, at first and at the end", operations, f"{first} and {last}", ok=what not in more)
        for what, (first, last) in rows.items()
    ]


def _more(before: State, after: State) -> set[str]:
    """What there is too much of."""
    counted = {
        "files": (before.files, after.files),
        "tasks": (before.tasks, after.tasks),
        "gateway connections": (before.gateway_connections, after.gateway_connections),
    }
    more = {what for what, (first, last) in counted.items() if last > first + MOST_MORE[what]}
    if after.memory_mb > before.memory_mb + MEMORY_MORE_MB:
        more.add("memory")
    if after.objects > before.objects * OBJECTS_MORE:
        more.add("objects")
    return more


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(Path(folder), chosen.seconds))
    sys.exit(print_figures("A steady load, and the process after it", figures))


if __name__ == "__main__":
    main()
