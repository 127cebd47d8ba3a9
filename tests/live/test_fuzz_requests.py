"""No request of any kind gets a 5xx: the short form of `python -m bench.facade.fuzz_requests`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.facade.fuzz_requests import ENVIRON, Fuzzing, fuzz
from tests.live.hostile import post
from tests.live.processes import Command


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("fuzz")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    with Command(
        "serve", "--port", "0", "--database", str(database), folder=folder, environ=ENVIRON
    ) as command:
        yield command.announced()
        ended = command.stop()
        assert (ended.code, ended.stderr) == (0, "")


def test_no_request_of_any_kind_gets_a_5xx(service: Command) -> None:
    fuzzing = Fuzzing(service.url)
    fuzz(fuzzing, 150)

    assert fuzzing.sent >= 150
    assert {200, 400} <= set(fuzzing.statuses)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /graphql HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + b"A: b\r\n" * 500
        + b"\r\n",
        b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: "
        + b"b" * 9000
        + b"\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: \xff\xfe\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /nowhere HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET /sandbox/ocpi/cpos HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET /graphql/console/x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        post(b'{"query": "{ __typename }"}', "Connection: Upgrade", "Upgrade: h2c"),
        post(b'{"query": "{ __typename }"}', "Expect: 100-continue"),
        post(b'{"query": "{ __typename }", "variables": {"x": 1' + b"0" * 5000 + b"}}"),
        post(b'{"query": "{ __typename }", "variables": {"x": 1e400}}'),
        post(b'{"query": "{ __typename }", "variables": {"x": "\\ud800"}}'),
        post(b'{"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": "CPO:\\ud800"}}'),
        post(
            b'{"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": 1'
            + b"0" * 4400
            + b"}}"
        ),
        post(b'{"query": "{ cpos(first: 1' + b"0" * 5000 + b') { nodes { id } } }"}'),
    ],
    ids=range(17),
)
def test_nor_does_one_that_was_made_to(service: Command, request_: bytes) -> None:
    Fuzzing(service.url).try_one(request_)
