"""
SIGKILL of the facade at every point of a bulk creation, then the same request again with the same key.

Before a gateway that honours idempotency keys, each request must make exactly one job. Before one that ignores
them, at most one, and the client must be told OUTCOME_UNKNOWN when the facade cannot know.

    python -m bench.facade.kills --seconds 20
"""

import argparse
import asyncio
import math
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.facade.figures import Figure, print_figures
from bench.facade.front import GatewayFront, RedisFront, redis_server
from bench.facade.load import CREATE, TOKEN
from ocpplab_graphql.settings import Settings
from tests.live.processes import Command

OPERATION_TIMEOUT_S = 1.0
PATIENCE_S = 30.0

# Where the facade dies: who stops it, and what has happened by then.
POINTS = {
    "before the key is kept": "claim",
    "key kept, facade does not know": "claimed",
    "sent, gateway has not seen it": "asked",
    "gateway did it, reply on its way": "done",
    "reply came, its id not kept": "settle",
    "id kept, client not answered": "settled",
}
WITHOUT_MEMORY = ("asked", "done")


@dataclass
class Killed:
    """One creation whose facade was killed."""

    point: str
    name: str
    outcomes: list[str] = field(default_factory=list)
    jobs: int = -1

    @property
    def outcome(self) -> str:
        """What the repetitions were told, and how many jobs there are."""
        told = " then ".join(dict.fromkeys("one job" if o.startswith("job ") else o for o in self.outcomes))
        ids = {o for o in self.outcomes if o.startswith("job ")}
        return f"{told}; {self.jobs} jobs" + (" TWO IDS" if len(ids) > 1 else "")

    def is_right(self, *, honours: bool) -> bool:
        """One job and its id; or, where keys are ignored, at most one, and the truth about it."""
        ids = {o for o in self.outcomes if o.startswith("job ")}
        if honours or ids:
            return len(ids) == 1 and self.jobs == 1 and len(set(self.outcomes)) == 1
        return set(self.outcomes) == {"OUTCOME_UNKNOWN"} and self.jobs <= 1


@dataclass
class Bench:
    """A facade of several workers, its memory and its gateway, each with a front."""

    facade: Command
    gateway: GatewayFront
    redis: RedisFront | None
    database: Path

    async def killed(self, point: str, name: str) -> Killed:
        """Send a creation, and kill every worker when it is at this point; a number is seconds after it began."""
        told = Killed(point, name)
        fired = asyncio.Event()

        async def kill() -> None:
            for pid in workers(self.facade.pid):
                os.kill(pid, signal.SIGKILL)
            fired.set()

        front = self.gateway if point in WITHOUT_MEMORY else self.redis
        sending = asyncio.create_task(self.sent(name))
        if front is not None and point in POINTS.values():
            front.at[point] = kill
            await asyncio.wait_for(fired.wait(), PATIENCE_S)
        else:
            await asyncio.sleep(float(point))
            await kill()
        first = await sending
        if first is not None:  # random moments only: it was answered before the kill
            told.outcomes.append(first)
        return told

    async def repeated(self, told: Killed) -> None:
        """Repeat until there is an answer, then once more; and count the jobs."""
        for _ in range(2):
            end = time.monotonic() + PATIENCE_S
            while (outcome := await self.sent(told.name)) in (None, "IDEMPOTENCY_KEY_IN_USE"):
                if time.monotonic() > end:
                    outcome = f"still {outcome}"
                    break
                await asyncio.sleep(0.05)
            told.outcomes.append(str(outcome))
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            query = "select count(distinct job_id) from job_items where name = ?"
            [told.jobs] = connection.execute(query, (told.name,)).fetchone()

    async def answering(self) -> None:
        """Wait until the new workers answer."""
        while await self.sent("warm") is None:  # noqa: ASYNC110  # there is nothing to be told by
            await asyncio.sleep(0.02)

    async def sent(self, name: str) -> str | None:
        """The id of the job, or the code; None when the connection broke before there was an answer."""
        body = {"query": CREATE, "variables": {"name": name, "key": name}}
        try:
            async with httpx.AsyncClient(headers=TOKEN, timeout=PATIENCE_S, trust_env=False) as client:
                answer = (await client.post(f"{self.facade.url}/graphql", json=body)).json()
        except httpx.TransportError:
            return None
        if "errors" in answer:
            return str(answer["errors"][0]["extensions"]["code"])
        payload = answer["data"]["bulkCreateLocations"]
        return f"job {payload['job']['jobId']}" if payload["job"] else str(payload["userErrors"][0]["code"])


def workers(pid: int) -> list[int]:
    """The processes that serve."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def bench(folder: Path, *, honours: bool, remembers: bool) -> AsyncIterator[Bench]:
    """
    Everything in processes of its own.

    Args:
        honours: whether the gateway makes one job of one key.
        remembers: whether the facade's memory of keys outlives it.
    """
    async with AsyncExitStack() as stack:
        database = folder / "gateway.db"
        arguments = ("sandbox", "--port", "0", "--database", str(database))
        gateway = stack.enter_context(Command(*arguments, folder=folder))
        front = GatewayFront((await asyncio.to_thread(gateway.announced)).url, without_keys=not honours)
        await stack.enter_async_context(front)
        environ = {
            "OCPPLAB_GATEWAY_URL": front.url,
            "OCPPLAB_GATEWAY_HONOURS_IDEMPOTENCY_KEYS": str(honours),
            "OCPPLAB_OPERATION_TIMEOUT_S": str(OPERATION_TIMEOUT_S),
        }
        if "operation_timeout_max_s" in Settings.model_fields:
            environ["OCPPLAB_OPERATION_TIMEOUT_MAX_S"] = str(OPERATION_TIMEOUT_S)
        redis = None
        if remembers:
            program = shutil.which("redis-server")
            if program is None:
                raise RuntimeError("redis-server is not installed")
            redis = RedisFront(await stack.enter_async_context(redis_server(program, str(folder))))
            await stack.enter_async_context(redis)
            environ["OCPPLAB_REDIS_URL"] = redis.url
        command = Command("serve", "--port", "0", "--workers", "2", folder=folder, environ=environ)
        facade = stack.enter_context(command)
        await asyncio.to_thread(facade.announced)
        yield Bench(facade, front, redis, database)


async def run(
    folder: Path,
    rounds: int,
    *,
    honours: bool,
    remembers: bool,
    seconds: float = math.inf,
    seed: int | None = None,
) -> list[Killed]:
    """
    Every point once, then points and random moments in turn; all are repeated when their time is over.

    Args:
        seconds: begin no further round then.
        honours: see `bench`.
        remembers: see `bench`.
    """
    chance = random.Random(seed)
    points = [*POINTS.values()] if remembers else [*WITHOUT_MEMORY]
    killed: list[Killed] = []
    async with bench(folder, honours=honours, remembers=remembers) as made:
        end = time.monotonic() + seconds
        for number in range(rounds):
            if time.monotonic() > end:
                break
            aimed = points[number % len(points)]
            point = (
                aimed if number < len(points) or chance.random() < 0.5 else f"{chance.random() * 0.06:.4f}"
            )
            killed.append(await made.killed(point, f"killed {number}"))
            await made.answering()
        for told in killed:
            await made.repeated(told)
    return killed


def figures_of(killed: list[Killed], *, honours: bool) -> list[Figure]:
    """A row for each point."""
    named = {point: what for what, point in POINTS.items()}
    by_point: dict[str, list[Killed]] = {}
    for told in killed:
        by_point.setdefault(named.get(told.point, "at a random moment"), []).append(told)
    kind = "honours keys" if honours else "ignores keys"
    return [
        Figure(
            f"kill -9, gateway {kind}: {point}",
            len(rows),
            ", ".join(f"{outcome} ({count}x)" for outcome, count in Counter(r.outcome for r in rows).items()),
            ok=all(row.is_right(honours=honours) for row in rows),
        )
        for point, rows in by_point.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1000, help="kills before each gateway, at most")
    parser.add_argument("--seconds", type=float, default=20, help="for the kills before each gateway")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    figures: list[Figure] = []
    for honours, remembers in ((True, False), (True, True), (False, True)):
        with tempfile.TemporaryDirectory() as folder:
            running = run(
                Path(folder),
                chosen.rounds,
                honours=honours,
                remembers=remembers,
                seconds=chosen.seconds,
                seed=chosen.seed,
            )
            figures += figures_of(asyncio.run(running), honours=honours)
    sys.exit(print_figures("The facade killed in a bulk creation", figures))


if __name__ == "__main__":
    main()
