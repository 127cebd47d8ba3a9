"""A port that closes: whoever was connected is served, whoever comes later is refused, nobody is reset."""

import socket
import sys
import threading
from collections.abc import Iterator
from queue import Queue

import pytest

from ocpplab_graphql.sandbox.handshakes import refuse_handshakes
from ocpplab_graphql.sandbox.serving import listening_socket

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone filters handshakes")

# Longer than TCP waits before it repeats the first packet of a handshake.
REPEATED_S = 10


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening_socket("127.0.0.1", 0) as listener:
        yield listener


def came_to(address: tuple[str, int], outcomes: "Queue[str]") -> None:
    """Connect and wait for an answer; what became of it."""
    try:
        with socket.create_connection(address, timeout=REPEATED_S) as connection:
            connection.sendall(b"?")
            outcomes.put(connection.recv(1).decode() or "closed")
    except OSError as error:
        outcomes.put(type(error).__name__)


def test_who_came_before_is_served_and_who_comes_after_is_refused(listener: socket.socket) -> None:
    address, outcomes = listener.getsockname(), Queue[str]()
    with socket.create_connection(address) as before:
        refuse_handshakes(listener)
        late = threading.Thread(target=came_to, args=(address, outcomes))
        late.start()
        with listener.accept()[0] as accepted:
            before.sendall(b"still read")
            read = accepted.recv(100)
            accepted.sendall(b"still answered")
            answered = before.recv(100)
        listener.settimeout(0.3)
        with pytest.raises(TimeoutError):
            listener.accept()
        waiting = outcomes.empty()
        listener.close()
        late.join(REPEATED_S)

    assert (read, answered) == (b"still read", b"still answered")
    assert waiting
    assert outcomes.get_nowait() == "ConnectionRefusedError"


def test_without_it_who_comes_before_the_closing_is_reset(listener: socket.socket) -> None:
    """What the filter is for: the last look found nobody, one more came, then the port was closed."""
    address, outcomes = listener.getsockname(), Queue[str]()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    late = threading.Thread(target=came_to, args=(address, outcomes))
    late.start()
    while outcomes.empty() and not is_waiting(listener):
        pass
    listener.close()
    late.join(REPEATED_S)

    assert outcomes.get_nowait() == "ConnectionResetError"


def is_waiting(listener: socket.socket) -> bool:
    """Whether the kernel holds a connection that nobody accepted: the length of its queue, of struct tcp_info."""
    return (
        int.from_bytes(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)[24:28], sys.byteorder) > 0
    )


def test_a_kernel_without_such_filters_is_no_reason_not_to_stop(listener: socket.socket) -> None:
    listener.close()  # the kernel refuses the option

    refuse_handshakes(listener)
