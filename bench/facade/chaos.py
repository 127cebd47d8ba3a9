"""
Everything that may go wrong around the facade, one after the other, under a steady load of healthy clients.

Each phase is compared with calm in the same run: operations told in a second, and the 99th percentile of the
time they took. Then the figures of `kills`.

    python -m bench.facade.chaos --seconds 60
"""

import argparse
import asyncio
import json
import math
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.facade.figures import Figure, print_figures
from bench.facade.front import CALM, Fault, GatewayFront
from bench.facade.kills import workers
from bench.facade.load import ANSWERED, LEFT, PATIENCE_S, REFUSED, Load, Sample
from tests.live.processes import Command
from tests.live.test_bulk_survives_kill import CREATE, item

CLIENTS = {"readers": 6, "newcomers": 2, "writers": 1, "streams": 1, "sockets": 1}
PAUSE_S = 0.02
SLOW_SENDERS = 300
RECOVERY_S = 5.0  # from the gateway's return to the first good answer, at most
RECOVERY_MOST_S = 10.0
LASTING = {"cpoId": "101", "locations": [item(f"Lasting {n}") for n in range(1000)]}

# What happens to a share of the gateway's replies.
FAULTS = {
    "gateway slow, 100 ms more": Fault(latency_s=0.1),
    "5xx to 30 %": Fault("status", share=0.3),
    "30 % dropped without a reply": Fault("drop", share=0.3),
    "30 % reset": Fault("reset", share=0.3),
    "5 % never answered": Fault("hang", share=0.05),
    "10 % a byte every 2 ms": Fault("drip", share=0.1, drip_s=0.002),
}
FINE = {ANSWERED, REFUSED, LEFT, "not taken"}
# Codes that a fault of the gateway may lead to; anything else is ours.
THEIRS = {
    "GATEWAY_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "GATEWAY_RATE_LIMITED",
    "GATEWAY_INVALID_RESPONSE",
    "OUTCOME_UNKNOWN",
    "OVERLOADED",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """
    A time in which one thing went wrong.

    Attributes:
        begun: by the monotonic clock.
        may_fail: whether operations may come to an error of the gateway's.
        may_be_lost: whether connections may break.
    """

    name: str
    begun: float
    may_fail: bool = True
    may_be_lost: bool = False

    def allows(self, sample: Sample) -> bool:
        """Whether this may come of an operation now."""
        if sample.status >= 500 and sample.status != 503:
            return False
        if sample.outcome.startswith("lost"):
            return self.may_be_lost
        return sample.outcome in FINE or (self.may_fail and sample.outcome in THEIRS)


@dataclass
class Chaos:
    """One run."""

    facade: Command
    front: GatewayFront
    load: Load
    database: Path
    phase_s: float
    phases: list[Phase] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    back: float = 0.0

    async def run(self) -> None:
        await asyncio.sleep(1)  # everything is warm
        await self._phase("calm", self._nothing, may_fail=False)
        for name, fault in FAULTS.items():
            self.front.fault = fault
            await self._phase(name, self._nothing)
            self.front.fault = CALM
            await self._until_well()
        await self._phase("gateway gone", self.front.leave)
        await self._recovery()
        await self._flood()
        await self._phase("calm again", self._nothing, may_fail=False)
        await self._phase("kill -9 of one worker", self._kill_one, may_be_lost=True)

    async def _phase(self, name: str, begin: Callable[[], Awaitable[None]], **allowed: bool) -> None:
        await begin()
        begun = time.monotonic()
        await asyncio.sleep(self.phase_s)
        self.phases.append(Phase(name, begun, **allowed))

    def told(self) -> list[Figure]:
        """A row for each phase; to be asked for when the load has ended, as some operations take long."""
        calm = (0.0, 0.0)
        figures = []
        for phase in self.phases:
            seen = self.load.between(phase.begun, phase.begun + self.phase_s)
            told = [s for s in seen if s.kind.startswith("query") and s.outcome != REFUSED]
            rate, p99 = len(told) / self.phase_s, _p99([s.seconds for s in told])
            calm = calm if calm[0] else (rate, p99)
            outcome = (
                f"{rate:.0f}/s ({_ratio(rate, calm[0])} of calm), p99 {p99 * 1000:.0f} ms "
                f"({_ratio(p99, calm[1])}); {_listed(Counter(s.outcome for s in seen))}"
            )
            figures.append(Figure(phase.name, len(seen), outcome, ok=all(map(phase.allows, seen))))
        return figures

    async def _recovery(self) -> None:
        await self.front.listen()
        self.back = time.monotonic()
        await self._phase("gateway back", self._nothing)
        await self._until_well()

    async def _until_well(self) -> None:
        """Let what the last fault left behind pass: each phase is to show its own."""
        begun = time.monotonic()
        for _ in range(round(RECOVERY_MOST_S / 0.1)):
            await asyncio.sleep(0.1)
            last = [s for s in self.load.between(begun, math.inf) if s.kind.startswith("query")][-10:]
            if len(last) == 10 and all(s.outcome == ANSWERED for s in last):
                return

    def recovered(self) -> Figure:
        """How long it took from the gateway's return to the first good answer."""
        good = [
            s.at + s.seconds - self.back
            for s in self.load.between(self.back, math.inf)
            if s.kind.startswith("query") and s.outcome == ANSWERED
        ]
        first = f"first good answer after {min(good):.2f} s" if good else "no good answer"
        return Figure("time to recover", 1, first, ok=bool(good) and min(good) < RECOVERY_S)

    async def _flood(self) -> None:
        attackers = ("--slow-senders", str(SLOW_SENDERS), "--bad-documents", "2")
        given = ("-m", "bench.facade.flood", self.load.url, "--seconds", str(self.phase_s + 1), *attackers)
        flood = await asyncio.create_subprocess_exec(sys.executable, *given, stdout=asyncio.subprocess.PIPE)
        await asyncio.sleep(0.7)  # until all are connected
        await self._phase(f"{SLOW_SENDERS} slow senders, bad documents", self._nothing, may_fail=False)
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await flood.communicate()
        told: Counter[str] = Counter(json.loads(said))
        bad = {k for k in told if k.startswith("bad") and k[-3:] not in {"200", "400", "503"}}
        figure = Figure("what the attackers were told", sum(told.values()), _listed(told), ok=not bad)
        self.figures.append(figure)

    async def _kill_one(self) -> None:
        os.kill(min(workers(self.facade.pid)), signal.SIGKILL)

    async def _nothing(self) -> None: ...

    def effects(self) -> Figure:
        """Whether each mutation happened as told, and none twice."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            rows = connection.execute(
                "select name, count(distinct job_id) from job_items where name like 'load %' group by name"
            ).fetchall()
            known = {job for (job,) in connection.execute("select id from jobs")}
        told = [s.made for s in self.load.samples if s.made]
        twice, missing = [name for name, count in rows if count > 1], set(told) - known
        outcome = f"{len(told)} told as done, {len(missing)} of them missing, {len(twice)} done twice"
        tried = sum(s.kind.startswith("mutation") for s in self.load.samples)
        return Figure("mutations in all phases", tried, outcome, ok=not twice and not missing)


@asynccontextmanager
async def chaos(folder: Path, phase_s: float) -> AsyncIterator[Chaos]:
    """A gateway, its front, a facade of two workers, and the load."""
    async with AsyncExitStack() as stack:
        database = folder / "gateway.db"
        arguments = ("sandbox", "--port", "0", "--database", str(database), "--step-delay-ms", "200")
        gateway = stack.enter_context(Command(*arguments, folder=folder))
        front = GatewayFront((await asyncio.to_thread(gateway.announced)).url)
        await stack.enter_async_context(front)
        environ: dict[str, str] = {"OCPPLAB_GATEWAY_URL": front.url, "OCPPLAB_OPERATION_TIMEOUT_S": "3"}
        given = ("serve", "--port", "0", "--workers", "2")
        facade = stack.enter_context(Command(*given, folder=folder, environ=environ))
        await asyncio.to_thread(facade.announced)
        variables: dict[str, Any] = {"input": LASTING}
        made = await asyncio.to_thread(facade.data, CREATE, variables)
        load = Load(facade.url, made["bulkCreateLocations"]["job"]["jobId"], pause_s=PAUSE_S, endures=True)
        yield Chaos(facade, front, load, database, phase_s)


async def run(folder: Path, seconds: float) -> list[Figure]:
    """All phases, then the end of the facade under the load."""
    phases = len(FAULTS) + 6
    async with chaos(folder, max(0.3, seconds / phases)) as made:
        async with made.load.running(**CLIENTS):
            await made.run()
            begun = time.monotonic()
            made.load.endures = False
            made.facade.send(signal.SIGTERM)
            ended = await asyncio.to_thread(made.facade.wait)
        last = made.load.between(begun, time.monotonic())
        lost = [s for s in last if s.outcome.startswith("lost")]
        outcome = f"exit {ended.code}; {_listed(Counter(s.outcome for s in last))}"
        made.figures.append(Figure("SIGTERM under load", len(last), outcome, ok=not lost and not ended.code))
        return [*made.told(), made.recovered(), *made.figures, made.effects()]


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else 0.0


def _ratio(value: float, calm: float) -> str:
    return f"{value / calm:.2f}" if calm else "?"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="for all phases together")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(Path(folder), chosen.seconds))
    sys.exit(print_figures("Chaos around the facade", figures))


if __name__ == "__main__":
    main()
