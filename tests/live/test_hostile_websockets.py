"""WebSocket clients that flood, shout, mumble or say nothing: each is told why and closed, and nothing is left."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.live.processes import END_S, Command

INIT = json.dumps({"type": "connection_init", "payload": {"authorization": "Bearer demo"}})
PING = json.dumps({"type": "ping"})
MESSAGES_MAX, MESSAGE_BYTES, SOCKETS_MAX = 100, 65536, 3


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("hostile")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    environ = {
        "OCPPLAB_MAX_REQUEST_BYTES": str(MESSAGE_BYTES),
        "OCPPLAB_SEND_TIMEOUT_S": "0.5",
        "OCPPLAB_WEBSOCKETS_MAX": str(SOCKETS_MAX),
        "OCPPLAB_WEBSOCKET_MESSAGES_MAX": str(MESSAGES_MAX),
        "OCPPLAB_WEBSOCKET_INIT_TIMEOUT_S": "0.5",
        "OCPPLAB_WEBSOCKET_OPERATIONS_MAX": "20",
    }
    arguments = ("serve", "--port", "0", "--database", str(database))
    with Command(*arguments, folder=folder, environ=environ) as command:
        yield command.announced()
        ended = command.stop()
        assert (ended.code, ended.stderr) == (0, "")


@pytest.fixture(autouse=True)
def _nothing_is_left(service: Command) -> Iterator[None]:
    """After each test the process has the sockets open that it had before."""
    before = open_sockets(service)
    yield
    end = time.monotonic() + END_S
    while open_sockets(service) > before:
        assert time.monotonic() < end, "connections are left"
        time.sleep(0.02)


def open_sockets(service: Command) -> int:
    links = []
    for path in Path(f"/proc/{service.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(path.readlink()))
    return sum(link.startswith("socket:") for link in links)


def memory_kib(service: Command) -> int:
    status = Path(f"/proc/{service.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0])


def opened(service: Command, **given: Any) -> ClientConnection:
    address = service.url.replace("http", "ws", 1) + "/graphql"
    return connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], open_timeout=END_S, **given)


def closed(socket: ClientConnection) -> tuple[int, str]:
    """The code and reason with which the other side closes, whatever it says before."""
    with pytest.raises(ConnectionClosed) as gone:
        drain(socket)
    close = gone.value.rcvd
    assert close is not None, "it was cut off without a word"
    return close.code, close.reason


def drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=END_S)


def send_all(socket: ClientConnection, message: str, count: int) -> None:
    try:
        for _ in range(count):
            socket.send(message)
    except ConnectionClosed:
        pass


def raw_frame(socket: ClientConnection, opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    from websockets.frames import Frame

    return Frame(opcode, payload, fin).serialize(mask=True)


def test_a_giant_message_closes_with_1009_and_is_not_kept(service: Command) -> None:
    before = memory_kib(service)
    with opened(service) as socket:
        send_all(socket, "x" * 64 * 1024 * 1024, 1)
        code, _ = closed(socket)

    assert code == 1009
    assert memory_kib(service) - before < 16 * 1024


@pytest.mark.parametrize(
    "message", ["{", "[]", "null", '"x"', "{}", '{"type": 1}', '{"type": "nope"}', "[" * 30_000]
)
def test_what_is_no_message_of_the_protocol_closes_with_4400(service: Command, message: str) -> None:
    with opened(service) as socket:
        socket.send(message)

        assert closed(socket)[0] == 4400


def test_a_binary_message_closes_with_4400(service: Command) -> None:
    with opened(service) as socket:
        socket.send(b"\x00\xff")

        assert closed(socket) == (4400, "Invalid message: send text, not binary")


def test_a_message_that_is_not_utf_8_closes_with_1007(service: Command) -> None:
    with opened(service) as socket:
        socket.socket.sendall(raw_frame(socket, Opcode.TEXT, b'{"type": "\xff"}'))

        assert closed(socket)[0] == 1007


def test_who_never_begins_is_closed_with_4408(service: Command) -> None:
    with opened(service) as socket:
        assert closed(socket)[0] == 4408


def test_a_flood_of_messages_closes_with_1008(service: Command) -> None:
    with opened(service, max_queue=None) as socket:
        socket.send(INIT)
        send_all(socket, PING, 20 * MESSAGES_MAX)

        assert closed(socket) == (1008, f"At most {MESSAGES_MAX} messages in a second")


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
def test_so_does_a_flood_of_control_frames(service: Command, opcode: Opcode) -> None:
    with opened(service) as socket:
        socket.send(INIT)
        socket.recv(timeout=END_S)
        socket.socket.sendall(raw_frame(socket, opcode, b"x" * 100) * 20 * MESSAGES_MAX)

        assert closed(socket)[0] == 1008


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_a_message_in_too_many_pieces_closes_with_1009(service: Command, piece: bytes) -> None:
    with opened(service) as socket:
        first = raw_frame(socket, Opcode.TEXT, b"x", fin=False)
        socket.socket.sendall(first + raw_frame(socket, Opcode.CONT, piece, fin=False) * 50_000)

        assert closed(socket)[0] == 1009


def test_a_message_in_some_pieces_is_read(service: Command) -> None:
    with opened(service) as socket:
        text = INIT.encode()
        socket.socket.sendall(
            raw_frame(socket, Opcode.TEXT, text[:1], fin=False)
            + b"".join(
                raw_frame(socket, Opcode.CONT, text[n : n + 1], fin=False) for n in range(1, len(text))
            )
            + raw_frame(socket, Opcode.CONT, b"")
        )

        assert socket.recv(timeout=END_S) == '{"type":"connection_ack"}'


def test_too_many_subscriptions_are_refused_and_then_close_with_1008(service: Command) -> None:
    with opened(service) as socket:
        socket.send(INIT)
        text = "subscription { cpoProvisioning(cpoId: 101) { status } }"
        for n in range(MESSAGES_MAX - 10):
            message = {"type": "subscribe", "id": str(n), "payload": {"query": text}}
            socket.send(json.dumps(message))

        assert closed(socket) == (1008, "Too many operations: at most 20 at once")


def test_a_socket_beyond_the_most_is_told_503_and_when_to_come_again(service: Command) -> None:
    with ExitStack() as stack:
        for _ in range(SOCKETS_MAX):
            socket = stack.enter_context(opened(service))
            socket.send(INIT)
            assert socket.recv(timeout=END_S) == '{"type":"connection_ack"}'
        with pytest.raises(InvalidStatus) as refused, opened(service):
            pass
        response = refused.value.response
    with opened(service) as later:
        later.send(INIT)
        assert later.recv(timeout=END_S) == '{"type":"connection_ack"}'

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    [error] = json.loads(response.body or b"")["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("OVERLOADED", True)


def test_who_asks_much_and_reads_nothing_is_cut_off(service: Command) -> None:
    text = "{" + " ".join(f"a{n}: __schema {{ types {{ name description }} }}" for n in range(100)) + "}"
    before, files = memory_kib(service), open_sockets(service)
    with opened(service, max_queue=1, max_size=None, close_timeout=0.1) as socket:
        socket.send(INIT)
        for n in range(15):
            message = {"type": "subscribe", "id": str(n), "payload": {"query": text}}
            socket.send(json.dumps(message))
        end = time.monotonic() + END_S
        while open_sockets(service) > files:
            assert time.monotonic() < end
            time.sleep(0.05)

    assert memory_kib(service) - before < 128 * 1024
