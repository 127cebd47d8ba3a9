"""
SIGKILL at random moments: does every accepted item come to be exactly once, and how soon does work go on?

Rounds of several jobs at once, each submitted under an idempotency key. One process, chosen by chance, is
killed at a random moment and started again, until the kills are used up; a request whose answer was lost is
sent again with its key. Then every job must be READY, and the lists must hold every item once.

    python -m bench.sandbox.chaos --on sqlite
    python -m bench.sandbox.chaos --on postgresql --processes 2
"""

import argparse
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

HEADERS = {"Authorization": "Bearer demo"}
PATH = "/ocpi/cpos/101/locations"
Sql = Callable[[str], list[list[str]]]


class Process:
    """A sandbox of its own that can be killed and started again."""

    def __init__(self, database: str, step_delay_ms: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        arguments = ["--port", str(self.port), "--database", database, "--step-delay-ms", str(step_delay_ms)]
        self._command = [sys.executable, "-m", "ocpplab_graphql.sandbox", *arguments]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        self.pid = self._process.pid
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            try:
                httpx.get(f"{self.base}/health", timeout=1)
            except httpx.HTTPError:
                time.sleep(0.01)
            else:
                self.listens_at = time.monotonic()
                return
        self.stop(signal.SIGKILL)
        raise RuntimeError("the sandbox does not start")

    def stop(self, number: int) -> int:
        self._process.send_signal(number)
        return self._process.wait(30)


@dataclass
class Figures:
    """What happened."""

    kills: int = 0
    items: int = 0
    jobs: int = 0
    repeated: int = 0
    idle_kills: int = 0
    boot_s: list[float] = field(default_factory=list)
    # Until every unfinished job goes on: from the start of the process, and from the moment it listens.
    from_start_s: list[float] = field(default_factory=list)
    from_listening_s: list[float] = field(default_factory=list)
    workers: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [
            f"kills                       {self.kills} ({self.idle_kills} of them when no job was open)",
            f"jobs, items accepted        {self.jobs}, {self.items}",
            f"submissions repeated        {self.repeated}",
            f"workers that did items      {self.workers}",
            *(
                f"{name:<27} median {statistics.median(values):.2f} s, most {max(values):.2f} s"
                for name, values in (
                    ("start until it listens", self.boot_s),
                    ("start until all jobs go on", self.from_start_s),
                    ("listens until all go on", self.from_listening_s),
                )
                if values
            ),
            f"problems                    {len(self.problems)}",
            *(f"  {problem}" for problem in self.problems),
        ]
        return "\n".join(rows)


class Chaos:
    """One run."""

    def __init__(self, database: str, sql: Sql, *, processes: int, pause_ms: int, seed: int | None) -> None:
        self._sql = sql
        self._chance = random.Random(seed)
        self._processes = [Process(database, pause_ms) for _ in range(processes)]
        self.figures = Figures()

    def run(self, kills: int, jobs: int, items: int, kills_a_round: int) -> Figures:
        try:
            expected: list[str] = []
            while self.figures.kills < kills:
                expected += self._round(min(kills_a_round, kills - self.figures.kills), jobs, items)
            self._check_lists(expected)
        finally:
            codes = [process.stop(signal.SIGTERM) for process in self._processes]
        if any(codes):
            self.figures.problems.append(f"ended with {codes}")
        return self.figures

    def _round(self, kills: int, jobs: int, items: int) -> list[str]:
        number = self.figures.jobs
        bodies = {
            f"job-{number + n}": [raw_item(f"chaos-{number + n}-{i}") for i in range(items)]
            for n in range(jobs)
        }
        urls: dict[str, str] = {}
        threads = [
            threading.Thread(target=self._submit, args=(key, body, urls)) for key, body in bodies.items()
        ]
        for thread in threads:
            thread.start()
        for _ in range(kills):
            time.sleep(self._chance.uniform(0.02, 0.8))
            self._kill()
        for thread in threads:
            thread.join()
        self.figures.jobs += jobs
        self.figures.items += jobs * items
        for key in bodies:
            self._follow(key, urls[key], items)
        return [item["name"] for body in bodies.values() for item in body]

    def _submit(self, key: str, body: list[dict], urls: dict[str, str]) -> None:
        headers = {**HEADERS, "Idempotency-Key": key}
        for attempt in range(200):
            process = self._processes[attempt % len(self._processes)]
            try:
                answer = httpx.post(
                    process.base + PATH, json={"locations": body}, headers=headers, timeout=20
                )
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                self.figures.repeated += attempt > 0
                urls[key] = answer.json()["status_url"]
                return
            time.sleep(0.05)
        raise RuntimeError(f"{key} is not accepted")

    def _open(self) -> dict[str, int]:
        """The items settled of each job that is not done."""
        rows = self._sql(
            "select j.id, (select count(*) from job_items i where i.job_id = j.id and i.state <> 'PENDING') "
            "from jobs j where j.status in ('PENDING', 'PROVISIONING')"
        )
        return {job: int(settled) for job, settled in rows}

    def _kill(self) -> None:
        victim = self._chance.choice(self._processes)
        victim.stop(signal.SIGKILL)
        self.figures.kills += 1
        before = self._open()
        begun = time.monotonic()
        booted = threading.Thread(target=victim.start)
        booted.start()
        waiting = dict(before)
        self.figures.idle_kills += not waiting
        while waiting and time.monotonic() < begun + 20:
            present = self._open()
            # A job that is open no more has gone on to its end.
            moved = [job for job, settled in waiting.items() if present.get(job, settled + 1) > settled]
            for job in moved:
                del waiting[job]
            time.sleep(0.01)
        moved_on = time.monotonic() - begun
        if waiting:
            self.figures.problems.append(f"stuck: {waiting}")
        booted.join()
        boot = victim.listens_at - begun
        self.figures.boot_s.append(boot)
        if before:
            self.figures.from_start_s.append(moved_on)
            self.figures.from_listening_s.append(max(0.0, moved_on - boot))

    def _follow(self, key: str, url: str, items: int) -> None:
        end = time.monotonic() + 120
        job = {"status": None}
        while job["status"] not in ("READY", "FAILED"):
            if time.monotonic() > end:
                self.figures.problems.append(f"{key} is stuck: {job}")
                return
            job = httpx.get(self._processes[0].base + url, headers=HEADERS, timeout=20).json()
            time.sleep(0.02)
        ids = (job.get("results") or {}).get("location_ids", [])
        if (job["status"], len(ids), len(set(ids))) != ("READY", items, items):
            self.figures.problems.append(f"{key}: {job['status']}, {len(ids)} ids, {len(set(ids))} different")

    def _check_lists(self, expected: list[str]) -> None:
        with httpx.Client(base_url=self._processes[0].base, headers=HEADERS, timeout=20) as client:
            names: list[str] = []
            page = 1
            while rows := client.get(f"{PATH}?limit=100&page={page}").json()["data"]:
                names += [row["name"] for row in rows if row["name"].startswith("chaos-")]
                page += 1
            topology = client.get("/ocpi/cpos/101").json()["topology"]
        if sorted(names) != sorted(expected):
            lost, twice = set(expected) - set(names), len(names) - len(set(names))
            self.figures.problems.append(f"{len(lost)} items lost, {twice} twice")
        if topology["locations"] != 120 + len(expected):
            self.figures.problems.append(f"the count says {topology['locations']}")
        [[workers]] = self._sql("select count(distinct lease_owner) from job_items where state = 'DONE'")
        self.figures.workers = int(workers)


def raw_item(name: str) -> dict:
    return {
        "name": name,
        "address": "14 Rue de la Paix",
        "city": "Paris",
        "country": "FR",
        "coordinates": {"latitude": 48.8566, "longitude": 2.3522},
    }


def sqlite_reader(path: str) -> Sql:
    """Statements on a SQLite file, past the sandbox."""

    def run(statement: str) -> list[list[str]]:
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            return [[str(value) for value in row] for row in connection.execute(statement).fetchall()]

    return run


def main() -> None:
    from tests.sandbox.postgres import Postgres  # noqa: PLC0415 - not for SQLite

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--kills-a-round", type=int, default=4)
    parser.add_argument("--pause-ms", type=int, default=2, help="pause before every item")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    server = Postgres() if chosen.on == "postgresql" else None
    with tempfile.TemporaryDirectory() as folder:
        try:
            if server:
                server.sql("CREATE DATABASE chaos")
                address, sql = server.url("chaos"), lambda statement: server.sql(statement, "chaos")
            else:
                address = str(Path(folder) / "chaos.db")
                sql = sqlite_reader(address)
            begun = time.monotonic()
            chaos = Chaos(
                address, sql, processes=chosen.processes, pause_ms=chosen.pause_ms, seed=chosen.seed
            )
            figures = chaos.run(chosen.kills, chosen.jobs, chosen.items, chosen.kills_a_round)
        finally:
            if server:
                server.stop()
    print(f"{chosen.on}, {chosen.processes} process(es), {chosen.jobs} jobs of {chosen.items} items at once")
    print(figures)
    print(f"took                        {time.monotonic() - begun:.0f} s")
    sys.exit(bool(figures.problems) or any(seconds > 2 for seconds in figures.from_listening_s))


if __name__ == "__main__":
    main()
