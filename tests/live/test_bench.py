"""
The benchmark measures what it says: its gateway keeps the contract, its workloads are of our schema, its load counts
exactly, its page says what the figures say. No figure is taken here, and nothing of Node.js is needed.
"""

import json
import re
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from graphql import build_schema, parse, validate

from bench.peers import profile, world
from bench.peers.figures import Cell, Entrant, Figures, Growth, Round, Task
from bench.peers.measure import Load, Running, Stub, normalised
from bench.peers.picture import picture
from bench.peers.processes import CannotStart, Server, compiled
from bench.peers.report import page
from bench.peers.run import FULL, QUICK, AnswersDiffer, _Bench
from bench.peers.systems import System, systems
from bench.peers.workloads import TOKEN, by_id, by_id_singly, compared, screen, small
from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.client import Credentials, Gateway, GatewayClient
from ocpplab_graphql.gateway.decode import decode, decode_page
from ocpplab_graphql.gateway.errors import GatewayNotFound, GatewayRejected
from ocpplab_graphql.gateway.records import CPORecord, LocationRecord
from ocpplab_graphql.gateway.transport import AiohttpTransport
from ocpplab_graphql.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stub, load and rows, made once."""
    made = tmp_path_factory.mktemp("bench")
    try:
        for name in ("stub", "load"):
            compiled(name, made)
    except CannotStart as failure:
        pytest.skip(str(failure))
    world.write(made / "rows")
    return made


@pytest.fixture(scope="module")
def stub_server(folder: Path) -> Iterator[Server]:
    with Server([str(folder / "stub"), str(folder / "rows")], core=None) as server:
        yield server


@pytest.fixture
def stub(stub_server: Server) -> Stub:
    """The stub, with its count at 0."""
    stub = Stub(stub_server)
    stub.requests()
    return stub


@pytest.fixture
async def gateway(stub: Stub) -> AsyncIterator[Gateway]:
    transport = AiohttpTransport(connections=8, max_body_bytes=2**24)
    yield Gateway(stub.url, transport, max_concurrency=8)
    await transport.aclose()


@pytest.fixture
def client(gateway: Gateway) -> GatewayClient:
    return gateway.client(Credentials(TOKEN), timeout_s=10)


@pytest.fixture
async def ours(stub: Stub) -> AsyncIterator[httpx.AsyncClient]:
    """Our service before the stub, with the settings' defaults."""
    app = create_app(Settings.load({}, gateway_url=stub.url))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://facade") as client,
    ):
        yield client


async def answer_of_ours(ours: httpx.AsyncClient, workload) -> bytes:
    response = await ours.post("/graphql", json=json.loads(workload.body), headers={"authorization": TOKEN})
    assert response.status_code == 200
    return normalised(response.content)


# ------------------------------------------------------------------------------------------ the gateway


async def test_every_row_of_the_stub_is_one_of_the_contract_with_all_that_is_selected(client):
    cpos = decode_page((await client.list_cpos(1, 100)).body, CPORecord, page=1, limit=100)
    locations = decode_page(
        (await client.list_locations("101", 2, 100)).body, LocationRecord, page=2, limit=100
    )

    assert [cpo.cpo_id for cpo in cpos.data] == world.cpo_ids()
    assert [row.id for row in locations.data] == [f"loc-101-{n}" for n in range(101, 121)]
    for row in locations.data:
        lacking = {name for name in row.__struct_fields__ if getattr(row, name) is None} - {"owner_name"}
        assert lacking == set()
        assert len(row.chargers) == world.CHARGERS_EACH
        assert all(charger.connector_type and charger.ocpp_version for charger in row.chargers)


@pytest.mark.parametrize(
    ("page", "limit", "positions"), [(1, 1, (1, 1)), (3, 7, (15, 21)), (3, 50, (101, 120)), (9, 50, None)]
)
async def test_a_page_holds_the_rows_of_its_positions_and_tells_the_total(client, page, limit, positions):
    reply = await client.list_locations("102", page, limit)

    found = decode_page(reply.body, LocationRecord, page=page, limit=limit)
    wanted = range(positions[0], positions[1] + 1) if positions else []
    assert [row.id for row in found.data] == [world.location_id("102", n) for n in wanted]
    assert found.total == world.LOCATIONS_EACH


async def test_a_row_alone_is_the_row_of_the_page(client):
    page = decode_page((await client.list_locations("103", 1, 10)).body, LocationRecord, page=1, limit=10)
    alone = decode((await client.location("103", "loc-103-10")).body, LocationRecord)
    cpo = decode((await client.cpo("103")).body, CPORecord)

    assert alone == page.data[9]
    assert cpo.cpo_id == "103"


async def test_the_stub_refuses_as_the_contract_says(client, gateway):
    with pytest.raises(GatewayNotFound):
        await client.location("101", "loc-102-1")
    with pytest.raises(GatewayRejected):
        await client.list_cpos(1, 101)
    transport = AiohttpTransport(connections=1, max_body_bytes=2**20)
    reply = await transport.send("GET", gateway._base_url + "/ocpi/cpos", {}, None)
    await transport.aclose()
    assert reply.status == 401


async def test_the_stub_counts_calls_and_waits_as_told(client, stub):
    await client.cpo("101")
    await client.list_cpos(1, 1)
    counted = stub.requests()
    stub.wait(30)
    begun = time.perf_counter()
    try:
        await client.cpo("101")
        waited_s = time.perf_counter() - begun
    finally:
        stub.wait(0)

    assert counted == 2
    assert waited_s >= 0.03


# ---------------------------------------------------------------------------------------- the workloads


@pytest.mark.parametrize("workload", compared(), ids=lambda workload: workload.name)
def test_a_workload_is_valid_in_our_schema(workload):
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))

    assert validate(schema, parse(workload.document)) == []


@pytest.mark.parametrize(
    ("workload", "calls"), [(small(), 1), (screen(), 6), (by_id(), 1), (by_id_singly(), 25)]
)
async def test_a_workload_costs_us_the_calls_it_is_said_to(ours, stub, workload, calls):
    await answer_of_ours(ours, workload)

    assert stub.requests() == calls


@pytest.mark.parametrize("size", FULL.sizes)
async def test_every_size_that_is_measured_is_within_our_default_limits(ours, size):
    headers = {"authorization": TOKEN, "x-gateway-trace": "plan"}
    response = await ours.post("/graphql", json=json.loads(screen(*size).body), headers=headers)

    assert response.json()["extensions"]["gateway"]["plan"]["calls"] == {"least": 1, "most": 1 + size[0]}


async def test_strawberry_as_in_its_tutorial_gives_our_answers(ours, stub):
    command = (sys.executable, "-m", "bench.peers.python.tutorial", stub.url)
    with Server(command, core=None) as server:
        tutorial = Running(System("tutorial", "tutorial", command), server)
        answers = {workload.name: normalised(tutorial.answer(workload)) for workload in compared()}

    for workload in compared():
        assert answers[workload.name] == await answer_of_ours(ours, workload)


def test_our_service_is_compared_as_shipped_and_with_the_ordinary_executor():
    ours = {system.key: system.environ for system in systems("http://gateway") if system.ours}

    assert ours == {"compiled": {}, "reference": {"OCPPLAB_EXECUTION": "reference"}}


# --------------------------------------------------------------------------------------------- the load


def request_for(cpo_id: str) -> bytes:
    return f"GET /ocpi/cpos/{cpo_id} HTTP/1.1\r\nHost: stub\r\nAuthorization: x\r\n\r\n".encode()


def test_the_load_counts_each_answer_once_and_leaves_none_under_way(folder, stub, stub_server):
    load = Load(folder / "load", folder, core=None, stub=stub)
    checked = httpx.get(f"{stub.url}/ocpi/cpos/101", headers={"authorization": "x"}).content
    stub.requests()

    said = load.send(stub_server.port, request_for("101"), checked, 3, 0.1)

    assert said["answers"] == stub.requests() > 0
    assert (said["wrong"], said["lost"]) == (0, 0)


def test_the_load_tells_an_answer_that_is_not_the_one_that_was_checked(folder, stub, stub_server):
    load = Load(folder / "load", folder, core=None, stub=stub)
    checked = httpx.get(f"{stub.url}/ocpi/cpos/102", headers={"authorization": "x"}).content

    said = load.send(stub_server.port, request_for("101"), checked, 1, 0.05)

    assert said["wrong"] == said["answers"] > 0


@dataclass
class Answering:
    """A system that says this, and after a while something else, if told to."""

    system: System
    said: bytes
    later: bytes | None = None
    asked: int = 0

    def answer(self, _workload) -> bytes:
        self.asked += 1
        return self.later if self.later and self.asked > 3 else self.said


def bench_of(*said: bytes) -> _Bench:
    systems = [Answering(System(f"s{n}", f"system {n}", ()), one) for n, one in enumerate(said)]
    return _Bench(QUICK, None, None, systems, lambda _: None)


def test_answers_that_differ_only_in_blanks_and_escapes_are_equal():
    bench = bench_of(b'{"data":{"name":"K\xc3\xb6ln"}}', b'{ "data": { "name": "K\\u00f6ln" } }\n')

    assert set(bench._equal_answers(small())) == {"s0", "s1"}


@pytest.mark.parametrize(
    "other", [b'{"data":{"b":1,"a":2}}', b'{"data":{"a":2,"b":1.0}}', b'{"data":{"a":2}}']
)
def test_other_values_and_another_order_of_keys_are_a_difference(other):
    with pytest.raises(AnswersDiffer, match=r"system 0 \(1\) and system 1 \(1\) differ"):
        bench_of(b'{"data":{"a":2,"b":1}}', other)._equal_answers(small())


def test_a_system_that_changes_its_answer_once_it_has_compiled_is_a_difference():
    one = Answering(System("s", "system", ()), b'{"data":1}', later=b'{"data":2}')

    with pytest.raises(AnswersDiffer, match=r"system \(1\) and system \(4\) differ"):
        _Bench(QUICK, None, None, [one], lambda _: None)._equal_answers(small())


# --------------------------------------------------------------------------------------------- the page


def rounds(per_s: float, cpu_ms: float) -> list[Round]:
    """Two rounds with this median throughput and this best CPU."""
    one = Round(per_s * 0.9, cpu_ms * 1.2, 5, 9, 6, 80, 60, 1000, 0)
    return [one, replace(one, per_s=per_s * 1.1, cpu_ms=cpu_ms)]


FIGURES = Figures(
    when="2026-11-23",
    quick=True,
    machine={"processor": "one & only <fast>"},
    versions={"Python": "3.11"},
    entrants=[
        Entrant("floor", "floor"),
        Entrant("compiled", "ours", ours=True),
        Entrant("mercurius", "Mercurius"),
        Entrant("yoga", "Yoga", missing="there is no Node.js here"),
        Entrant("tutorial", "tutorial"),
    ],
    tasks=[Task("W2", "a screen", 8, 199_588)],
    rounds={
        "W2": {
            "floor": rounds(2000, 0.4),
            "compiled": rounds(600, 1.0),
            "mercurius": rounds(240, 3.0),
            "tutorial": rounds(10, 60.0),
        }
    },
    growth=[
        Growth(
            "W2, one client: far away",
            "upstream latency, ms",
            "p50_ms",
            "ms",
            [("20", {"compiled": Cell(rounds(1, 1))})],
        ),
        Growth(
            "more clients",
            "clients",
            "per_s",
            "operations",
            [("256", {"tutorial": Cell(left_out="left out: 25 s")})],
        ),
    ],
    ceiling_per_s=72_000,
    sandbox_rss_mb=130.0,
)


@pytest.mark.parametrize(
    "line",
    [
        "| × Mercurius | 2.5× (3.0×) |",
        "| × tutorial | 60× (60×) |",
        "| CPU ÷ floor | 2.50 |",
        "Yoga: missing, there is no Node.js here.",
        "| W2: at least 50× tutorial Strawberry | 60.0× | yes |",
        "| W2: at least 3× the best Node JIT server | 2.50× | no |",
        "| W2: 6 gateway calls | 6.00 calls | yes |",
        "| W2, one client, 20 ms upstream: at most 44 ms | 5.00 ms | yes |",
        "| W1: at least 50× tutorial Strawberry | not measured | – |",
        "| resident memory with the sandbox inside: at most 120 MB | 130 MB | no |",
        "| **ours** | 600 | 1.10 (1.00) | 5.00 | 9.00 | 6.00 | 80 (60) |",
        "| 256 | – | – | – | left out: 25 s |",
        "| processor | one & only <fast> |",
    ],
)
def test_the_page_says_what_the_figures_say(line):
    assert line in page(FIGURES, "benchmark.svg").splitlines()


def test_the_picture_has_a_bar_for_each_graphql_server_and_names_who_is_missing():
    drawn = ET.fromstring(picture(FIGURES))  # noqa: S314  # our own

    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    bars = list(drawn.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    ours, mercurius, tutorial = (float(bar.get("width", 0)) for bar in bars)
    assert {"floor", "2,000 · 200×", "ours", "600 · 60×", "Yoga", "missing"} <= set(texts)
    assert mercurius / ours == pytest.approx(240 / 600, abs=0.001)
    assert tutorial / ours == pytest.approx(10 / 600, abs=0.001)


def test_figures_are_read_as_they_were_written(tmp_path):
    FIGURES.write(tmp_path / "figures.json")

    assert Figures.read(tmp_path / "figures.json") == FIGURES


# ------------------------------------------------------------------------------------------ the profile


def stack_of(*places: tuple[str, str]) -> tuple[str, str]:
    """Where a stack is placed whose frames, outermost first, are these files and functions."""
    call = lambda: profile.placed(sys._getframe())  # noqa: E731  # its own frame fits no place
    for file, function in reversed(places):
        named = {"inner": call}
        exec(compile(f"def {function}(): return inner()", file, "exec"), named)  # noqa: S102
        call = named[function]
    return call()


@pytest.mark.parametrize(
    ("places", "stage"),
    [
        (
            [("/x/uvicorn/server.py", "run"), ("/x/ocpplab_graphql/gateway/decode.py", "decode_page")],
            "decode",
        ),
        (
            [("/x/ocpplab_graphql/http/graphql.py", "_respond"), ("/x/graphql/execution/executor.py", "go")],
            "project",
        ),
        (
            [("/x/ocpplab_graphql/gateway/client.py", "send"), ("/x/asyncio/timeouts.py", "enter")],
            "gateway calls",
        ),
        (
            [("/x/sqlalchemy/engine.py", "execute"), ("/x/starlette/routing.py", "app")],
            "sandbox (the gateway itself)",
        ),
        ([("/x/elsewhere.py", "go")], "anything else"),
    ],
)
def test_what_is_executed_counts_for_the_stage_of_its_innermost_known_frame(places, stage):
    assert stack_of(*places)[0] == stage


def test_a_profile_is_told_in_milliseconds_of_an_operation():
    found = profile.Profile("W2", 100, 2.0, 0.5, 1.9, {"decode": 300, "encode": 100}, {"decode: a.py b": 400})

    told = re.sub(r" +", " ", profile.table(found)).splitlines()

    assert "decode 1.125 56.2%" in told
    assert "encode 0.375 18.8%" in told
    assert "other threads 0.500 25.0%" in told
