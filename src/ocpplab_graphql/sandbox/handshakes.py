"""
How a port stops taking connections without a reset for anybody. Linux only; elsewhere it does nothing.

A listening socket that is closed resets whoever has been connected by the kernel and was not accepted: however
fast the last look is, one more may come between it and the closing. A socket filter that drops the first packet
of a handshake, and lets all others pass, ends the coming before the last look. Who asks meanwhile repeats that
packet after a second (TCP's first retransmission), and is refused then: nothing has been sent.

Source: Linux socket(7), SO_ATTACH_FILTER; bpf(4) for the instructions. The filter sees a packet from its TCP
header on, and needs no privilege.
"""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

__all__ = ["refuse_handshakes"]

_SO_ATTACH_FILTER = 26
_FLAGS_AT, _SYN_AND_ACK, _SYN = 13, 0x12, 0x02
_DROP, _PASS = 0, 0xFFFFFFFF
# Code, how many instructions to skip if true, and if not, operand.
_FILTER = (
    (0x30, 0, 0, _FLAGS_AT),  # load the byte with the flags
    (0x54, 0, 0, _SYN_AND_ACK),  # keep these two
    (0x15, 0, 1, _SYN),  # is it SYN alone?
    (0x06, 0, 0, _DROP),
    (0x06, 0, 0, _PASS),
)


def refuse_handshakes(listener: socket.socket) -> None:
    """
    Let no handshake begin on this socket any more, in whichever process; those under way come to their end.

    Where the kernel has no such filter, as in some sandboxes of containers, all goes on as before.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _FILTER))
    described = struct.pack("@HP", len(_FILTER), ctypes.addressof(program))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
