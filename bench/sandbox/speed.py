"""
What the sandbox costs: L1 pages in a large table, and bulk jobs.

CPU is that of the whole server process, from the request's first byte to the reply's last, client excluded;
each row is the best of several rounds, because the machine is shared.

    python -m bench.sandbox.speed
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.sandbox.chaos import HEADERS, PATH, Process, raw_item


def cpu_s(pid: int) -> float:
    """User and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def page_cost(process: Process, path: str, rounds: int, requests: int) -> tuple[float, float]:
    """Best milliseconds of CPU and best of the clock, for one request."""
    cpu, clock = [], []
    with httpx.Client(base_url=process.base, headers=HEADERS, timeout=20) as client:
        for _ in range(rounds):
            used, begun = cpu_s(process.pid), time.perf_counter()
            for _ in range(requests):
                client.get(path).raise_for_status()
            cpu.append((cpu_s(process.pid) - used) * 1000 / requests)
            clock.append((time.perf_counter() - begun) * 1000 / requests)
    return min(cpu), min(clock)


def job_rate(process: Process, items: int, groups: list) -> float:
    """Items a second, from the submission until the job is READY."""
    body = {"locations": [{**raw_item(f"speed-{n}"), "charges": groups} for n in range(items)]}
    begun = time.perf_counter()
    url = httpx.post(process.base + PATH, json=body, headers=HEADERS, timeout=20).json()["status_url"]
    while httpx.get(process.base + url, headers=HEADERS, timeout=20).json()["status"] != "READY":
        time.sleep(0.02)
    return items / (time.perf_counter() - begun)


FOUR_CHARGERS = [
    {
        "template": {
            "brand_slug": "keba",
            "model_slug": "kecontact-p40",
            "connector_type": "Type2",
            "ocpp_version": "OCPP1.6",
            "ws_url": "wss://csms.example.com/ocpp",
            "identity_prefix": "S_",
        },
        "charger_ids": ["1", "2", "3", "4"],
    }
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--locations", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--database", help="one that `sandbox seed` has filled; else a temporary one is")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = chosen.database or str(Path(folder) / "speed.db")
        if not chosen.database:
            seed = ["seed", "--locations", str(chosen.locations), "--database", database]
            subprocess.run([sys.executable, "-m", "ocpplab_graphql.sandbox", *seed], check=True)
        process = Process(database, 0)
        try:
            rows = httpx.get(f"{process.base}/ocpi/cpos?limit=100", headers=HEADERS).json()["data"]
            large = max(rows, key=lambda row: row["topology"]["locations"])
            pages = large["topology"]["locations"] // 100
            list_path = f"/ocpi/cpos/{large['cpo_id']}/locations?limit=100"
            print(f"{'':<46}{'CPU ms':>8}{'clock ms':>10}")
            for name, path in (
                ("L1, 100 locations of 4 chargers, page 1", list_path),
                (f"L1, the same, page {pages // 2:,}", f"{list_path}&page={pages // 2}"),
                (f"L1, the same, page {pages:,} (last)", f"{list_path}&page={pages}"),
                ("C4, one CPO", f"/ocpi/cpos/{large['cpo_id']}"),
                ("H1, 100 chargers", "/ocpp/chargers?limit=100"),
            ):
                cpu, clock = page_cost(process, path, chosen.rounds, chosen.requests)
                print(f"{name:<46}{cpu:>8.2f}{clock:>10.2f}")
            print(f"{'':<46}{'items/s':>8}{'median':>10}")
            for name, groups in (("without chargers", []), ("of 4 chargers", FOUR_CHARGERS)):
                rates = [job_rate(process, 1000, groups) for _ in range(5)]
                label = f"a job of 1,000 items {name}"
                print(f"{label:<46}{max(rates):>8.0f}{statistics.median(rates):>10.0f}")
        finally:
            process.stop(signal.SIGTERM)


if __name__ == "__main__":
    main()
