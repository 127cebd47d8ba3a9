"""The port to the gateway: one request out, one whole reply in."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class Reply(Struct, frozen=True, gc=False):
    """What the gateway answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportFailed(Exception):
    """
    No whole reply came.

    Attributes:
        sent: whether the gateway may have seen the request. Only when it is False may a write
            be said not to have happened.
        kept: whether the connection had served a request before, and ended without a byte of this
            reply: most likely the gateway closed it while the request was on its way. A read may be sent again
            at once, over another connection.
    """

    def __init__(self, problem: str, *, sent: bool, kept: bool = False) -> None:
        super().__init__(problem)
        self.sent = sent
        self.kept = kept


class Transport(Protocol):
    """How one request reaches the gateway and its reply comes back."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """
        Send one request and read its whole reply. Cancelling gives everything back.

        Raises:
            TransportFailed: no connection, or one that broke.
            GatewayInvalidResponse: a body that is too large or cannot be decompressed.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
