"""
What hundreds of slow clients cost the healthy ones: throughput and latencies, calm and flooded, in one run.

    python -m bench.facade.slow_senders --senders 300 --seconds 10
    python -m bench.facade.slow_senders --readers 50

Half of the senders sends the head of a request a byte at a time, half the body. A reader asks for ten megabytes and
reads nothing. Each comes again as soon as it is cut off.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from ocpplab_graphql.http.console import BUILT_ASSETS
from tests.live.hostile import post, query, raw
from tests.live.processes import Command

HEALTHY = 8
QUESTION = query('{ location(cpoId: 101, locationId: "loc-1") { name city } }')
# Two megabytes that cost the server nothing to make.
_LARGEST = max(BUILT_ASSETS.iterdir(), key=lambda path: path.stat().st_size).name
MUCH = f"GET /graphql/console/{_LARGEST} HTTP/1.1\r\nHost: facade\r\n\r\n".encode()
_DRIBBLE_S = 0.5


@dataclass
class Phase:
    """What the healthy clients saw of one phase."""

    seconds: float
    latencies_s: list[float] = field(default_factory=list)
    failures: int = 0
    cpu_s: float = 0.0

    @property
    def cpu_ms_each(self) -> float:
        """What the service used of the processor for each answer, the slow clients included."""
        return self.cpu_s / len(self.latencies_s) * 1000

    @property
    def per_s(self) -> float:
        return len(self.latencies_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass
class Figures:
    """Both phases, and how often slow clients were cut off."""

    calm: Phase
    flooded: Phase
    cut_off: int

    @property
    def throughput(self) -> float:
        """Of the healthy, flooded to calm."""
        return self.flooded.per_s / self.calm.per_s

    @property
    def cpu(self) -> float:
        """Of the service's processor time for each healthy answer, flooded to calm: what else runs here is not in it."""
        return self.flooded.cpu_ms_each / self.calm.cpu_ms_each

    @property
    def p99(self) -> float:
        """Of their latencies, flooded to calm."""
        return self.flooded.quantile_ms(0.99) / self.calm.quantile_ms(0.99)


async def measured(service: Command, *, senders: int, readers: int = 0, seconds: float) -> Figures:
    """Healthy clients alone, then beside the slow ones."""
    url = service.url
    await _healthy(service, 1.0)
    calm = await _healthy(service, seconds)
    # In a process of their own: what they cost themselves is not what they cost the server.
    attack = (
        sys.executable,
        "-m",
        __spec__.name,
        "--senders",
        str(senders),
        "--readers",
        str(readers),
        "--against",
        url,
    )
    slow = await asyncio.create_subprocess_exec(
        *attack, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert slow.stdout is not None
    await slow.stdout.readline()  # all are there
    flooded = await _healthy(service, seconds)
    cut_off, _ = await slow.communicate(b"enough")
    return Figures(calm, flooded, int(cut_off))


async def _healthy(service: Command, seconds: float) -> Phase:
    phase = Phase(seconds)
    end, cpu_before_s = time.monotonic() + seconds, _cpu_s(service.pid)
    await asyncio.gather(*(_asking(service.url, end, phase) for _ in range(HEALTHY)))
    phase.cpu_s = _cpu_s(service.pid) - cpu_before_s
    return phase


def _cpu_s(pid: int) -> float:
    """What a process has used of the processor until now."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _asking(url: str, end: float, phase: Phase) -> None:
    async with raw(url) as client:
        while time.monotonic() < end:
            started = time.perf_counter()
            client.send(post(QUESTION))
            answered = await client.response()
            phase.latencies_s.append(time.perf_counter() - started)
            phase.failures += answered.status != 200 or "errors" in json.loads(answered.body)


async def _attack(url: str, senders: int, readers: int) -> None:
    """Be slow until somebody writes on stdin; say when all are there, and at the end how often one was cut off."""
    cut_off = [0]
    slow = [asyncio.ensure_future(_slow(url, number % 2, number, cut_off)) for number in range(senders)]
    slow += [asyncio.ensure_future(_slow(url, 2, number, cut_off)) for number in range(readers)]
    await asyncio.sleep(1.5)
    print("all are there", flush=True)
    await asyncio.to_thread(sys.stdin.read, 1)
    print(cut_off[0], flush=True)
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def _slow(url: str, kind: int, number: int, cut_off: list[int]) -> None:
    await asyncio.sleep(number % 50 / 50)
    head = post(QUESTION)[: -len(QUESTION)]
    while True:
        with suppress(OSError):
            address = urlsplit(url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
            try:
                if kind == 2:
                    writer.write(MUCH * 4)
                    await _until_gone(writer)
                else:
                    writer.write(head if kind else b"")
                    await _dribbled(reader, writer, QUESTION if kind else head)
                cut_off[0] += 1
            finally:
                writer.close()
        await asyncio.sleep(0)


async def _dribbled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> None:
    answer = asyncio.ensure_future(reader.read(1))
    try:
        for byte in content:
            writer.write(bytes([byte]))
            await asyncio.wait((answer,), timeout=_DRIBBLE_S)
            if answer.done():
                return
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def _until_gone(writer: asyncio.StreamWriter) -> None:
    """Until the other side has broken the connection, without reading from it."""
    with suppress(OSError):
        while not writer.transport.is_closing():
            await asyncio.sleep(_DRIBBLE_S)
            writer.write(b"\r\n")
            await writer.drain()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--senders", type=int, default=300)
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--against", help="be the slow clients of this service")
    given = parser.parse_args()
    if given.against:
        asyncio.run(_attack(given.against, given.senders, given.readers))
        return
    environ = {"OCPPLAB_RECEIVE_TIMEOUT_S": "2", "OCPPLAB_SEND_TIMEOUT_S": "2", "OCPPLAB_ACCESS_LOG": "off"}
    with (
        TemporaryDirectory() as folder,
        Command("serve", "--port", "0", folder=Path(folder), environ=environ) as one,
    ):
        figures = asyncio.run(
            measured(one.announced(), senders=given.senders, readers=given.readers, seconds=given.seconds)
        )
        one.stop()
    print("| phase | answers/s | p50 ms | p99 ms | service CPU ms/answer | failures |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, phase in (
        ("calm", figures.calm),
        (f"{given.senders + given.readers} slow clients", figures.flooded),
    ):
        p50, p99 = phase.quantile_ms(0.5), phase.quantile_ms(0.99)
        print(
            f"| {name} | {phase.per_s:.0f} | {p50:.1f} | {p99:.1f} | {phase.cpu_ms_each:.2f} | {phase.failures} |"
        )
    print(
        f"\nratios: throughput {figures.throughput:.2f}, p99 {figures.p99:.2f}, CPU {figures.cpu:.2f}; cut off {figures.cut_off}"
    )


if __name__ == "__main__":
    main()
