"""What is written of an operation, and what never is."""

import hashlib
import json
import logging
import os
import subprocess
import sys

import pytest

from ocpplab_graphql.telemetry import configure_logging
from tests.conftest import facade

NESTED = "query Sites { cpos(first: 2) { nodes { cpoId locations(first: 1) { nodes { name } } } } }"


FORKING = """
import json, os
from ocpplab_graphql.telemetry import Observation, new_request_id

new_request_id()  # more are at hand now
child = os.fork()
ids = [new_request_id() for _ in range(300)]
line = {"is_child": child == 0, "pid": os.getpid(), "said": Observation("x").fields()["pid"], "ids": ids}
os.write(1, json.dumps(line).encode() + b"\\n")
if child:
    os.waitpid(child, 0)
"""


@pytest.fixture
def log(caplog):
    """The fields of each operation, in order."""
    caplog.set_level(logging.DEBUG)
    return lambda: [r.observed for r in caplog.records if r.name == "ocpplab_graphql.access"]


async def test_an_operation_is_one_line(graphql, log):
    body = await graphql(
        NESTED,
        **{
            "x-request-id": "r-1",
            "apollographql-client-name": "field-app",
            "apollographql-client-version": "2.1 (ios)",
        },
    )

    (line,) = log()
    duration_ms = line.pop("duration_ms")
    assert 0 < duration_ms < 10_000
    assert line == {
        "request_id": "r-1",
        "transport": "http",
        "operation": "Sites",
        "type": "query",
        "document": hashlib.sha256(NESTED.encode()).hexdigest()[:16],
        "status": 200,
        "gateway_calls": 3,
        "bytes_out": len(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()),
        "client_name": "field-app",
        "client_version": "2.1 (ios)",
        "pid": os.getpid(),
    }


async def test_errors_are_counted_by_code_with_those_that_were_not_listed(wire, log):
    ids = [f"CPO:{n}" for n in range(900, 905)] + ["nonsense"]
    async with facade(wire, errors_max=4) as graphql:
        await graphql('query ($ids: [ID!]!) { nodes(ids: $ids) { id } cpo(cpoId: "x") { id } }', {"ids": ids})
        await graphql("{ nope }")

    partial, refused = log()
    assert sum(partial["errors"].values()) + partial.get("suppressed_errors", 0) >= 2
    assert partial["errors"]["BAD_USER_INPUT"] == 2
    assert refused["errors"] == {"GRAPHQL_VALIDATION_FAILED": 1}
    assert (refused["gateway_calls"], "type" in refused) == (0, False)


async def test_what_is_refused_before_it_is_an_operation_is_a_line_too(graphql, log):
    await graphql.http.put("/graphql")
    await graphql.http.post("/graphql", content="{", headers={"content-type": "application/json"})

    assert [(line["status"], line["errors"]) for line in log()] == [
        (405, {"METHOD_NOT_ALLOWED": 1}),
        (400, {"BAD_REQUEST": 1}),
    ]


async def test_the_page_and_the_probes_are_no_operations(graphql, log):
    page = await graphql.http.get("/graphql", headers={"accept": "text/html"})
    health = await graphql.http.get("/health")
    await graphql.http.get("/ready")

    assert (page.status_code, health.status_code) == (200, 200)
    assert log() == []


async def test_every_answer_has_a_request_id(graphql):
    given = await graphql.http.get("/health", headers={"x-request-id": "probe-7"})
    unsafe = await graphql.http.get("/nothing", headers={"x-request-id": "a b\tc"})
    operation = await graphql.http.post("/graphql", json={"query": "{ __typename }"})

    assert given.headers.get_list("x-request-id") == ["probe-7"]
    assert len(unsafe.headers["x-request-id"]) == 16
    assert len(operation.headers.get_list("x-request-id")) == 1


async def test_what_a_client_says_of_itself_cannot_forge_a_line(graphql, log):
    await graphql("{ __typename }", **{"apollographql-client-name": 'a"\x1b[31m{}=' + "x" * 500})

    assert log()[0]["client_name"] == "a???31m???" + "x" * 54


def test_a_log_that_nobody_reads_loses_lines_and_holds_nothing_up(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as nobody_reads, os.fdopen(reading, "rb") as reader:
        monkeypatch.setattr("sys.stdout", nobody_reads)
        configure_logging("INFO", "json")
        access = logging.getLogger("ocpplab_graphql.access")
        for n in range(2000):  # more than a pipe holds
            access.info("operation", extra={"observed": {"n": n, "name": "x" * 100}})
        os.set_blocking(reading, False)
        kept = reader.read().splitlines()
        access.info("operation", extra={"observed": {"n": -1}})
        after = json.loads(reader.read())

    assert 100 < len(kept) < 2000
    assert after["dropped_lines"] == 2000 - len(kept)


async def test_who_adds_a_handler_or_a_filter_is_given_records_beside_our_line(graphql, monkeypatch):
    records = []
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as ours, os.fdopen(reading, "rb") as reader:
        monkeypatch.setattr("sys.stdout", ours)
        configure_logging("INFO", "json")
        access = logging.getLogger("ocpplab_graphql.access")
        await graphql("{ __typename }", **{"x-request-id": "alone"})
        access.addHandler(added := logging.Handler())
        added.emit = records.append
        await graphql("{ __typename }", **{"x-request-id": "added"})
        access.removeHandler(added)
        access.addFilter(passes := lambda record: records.append(record) or False)
        await graphql("{ __typename }", **{"x-request-id": "filtered"})
        access.removeFilter(passes)
        os.set_blocking(reading, False)
        lines = [json.loads(line) for line in reader.read().splitlines()]

    assert [line["request_id"] for line in lines] == ["alone", "added"]
    assert [record.observed["request_id"] for record in records] == ["added", "filtered"]
    assert [*lines[0]] == [*lines[1]] == ["time", *records[0].observed]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_says_its_own_pid_and_makes_its_own_ids():
    said = subprocess.run([sys.executable, "-c", FORKING], check=True, capture_output=True).stdout
    child, parent = sorted(
        map(json.loads, said.splitlines()), key=lambda line: line["is_child"], reverse=True
    )

    for line in (child, parent):
        assert line["said"] == line["pid"]
    assert child["pid"] != parent["pid"]
    assert len({*child["ids"], *parent["ids"]}) == 600
    assert {len(one) for one in parent["ids"]} == {16}


@pytest.fixture(autouse=True)
def _logging_as_before():
    loggers = [logging.getLogger(name) for name in ("ocpplab_graphql", "ocpplab_graphql.access")]
    before = [(log.handlers[:], log.propagate, log.level, log.disabled) for log in loggers]
    yield
    for log, (handlers, propagate, level, disabled) in zip(loggers, before, strict=True):
        log.handlers[:], log.propagate, log.disabled = handlers, propagate, disabled
        log.setLevel(level)
