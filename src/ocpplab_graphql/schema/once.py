"""
One effect for one idempotency key, however often the request comes, and to whichever process.

What is remembered is the id that a key led to, never a reply: secrets are not stored, and whoever comes
again reads the object anew with credentials of their own.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from ocpplab_graphql.errors import Overloaded
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.gateway.errors import GatewayOutcomeUnknown
from ocpplab_graphql.shared import SharedState, SharedStateUnavailable

State = Literal["sent", "unknown", "done"]


class KeyReused(Exception):
    """The key was used before, with another input."""


class KeyInUse(Exception):
    """The first request with this key is still under way."""


class Entry(msgspec.Struct, frozen=True):
    """
    What is remembered of a key.

    Attributes:
        fingerprint: of the input.
        until: when a request that was sent must have ended, in seconds since the epoch.
        made: id of what was created, once it is known.
    """

    fingerprint: str
    state: State
    until: float
    made: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """
    One use of an idempotency key: who, for what, with which input.

    Attributes:
        within_s: when the request will have ended, in seconds from now, if that is known.
    """

    credentials: Credentials
    mutation: str
    key: str
    input: bytes
    within_s: float = float("inf")

    @property
    def name(self) -> str:
        """What it is remembered under: bound to the caller's organization and subject."""
        parts = (self.credentials.subject, self.credentials.organization_id or "", self.mutation, self.key)
        return "once:" + sha256("\0".join(parts).encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """The input, unreadable."""
        return sha256(self.input).hexdigest()


class Once:
    """
    The memory of idempotency keys.

    Args:
        keeps_s: how long a key is remembered.
        in_flight_s: how long any request may be under way.
        gateway_honours_keys: whether the gateway makes one effect of one key, so that sending again is safe.
    """

    def __init__(
        self, state: SharedState, *, keeps_s: float, in_flight_s: float, gateway_honours_keys: bool
    ) -> None:
        self._state = state
        self._keeps_s = keeps_s
        self._in_flight_s = in_flight_s
        self._gateway_honours_keys = gateway_honours_keys

    async def known(self, use: Use) -> str | None:
        """
        The id that this key led to before; None if the request is now to be sent.

        Raises:
            KeyReused, KeyInUse: see there.
            GatewayOutcomeUnknown: it was sent before, nobody knows its fate, and sending again is not safe.
            Overloaded: the memory cannot be reached; nothing was sent.
        """
        try:
            if await self._state.set_if_absent(use.name, self._entry(use, "sent"), ttl_s=self._keeps_s):
                return None
            remembered = await self._state.get(use.name)
            if remembered is None:
                return await self.known(use)
            return await self._again(use, msgspec.json.decode(remembered, type=Entry))
        except SharedStateUnavailable as error:
            raise Overloaded(
                "Idempotency keys cannot be looked up for now; nothing was sent. Try again."
            ) from error

    async def _again(self, use: Use, entry: Entry) -> str | None:
        if entry.fingerprint != use.fingerprint:
            raise KeyReused
        if entry.state == "done":
            return entry.made
        if entry.state == "sent" and time.time() < entry.until:
            raise KeyInUse
        if not self._gateway_honours_keys:
            raise GatewayOutcomeUnknown(
                "This request was sent to the gateway before, and it is not known what became of it. It is not sent "
                "again, because this gateway would do it twice. Look for its effect; if there is none, send it with "
                "a new idempotencyKey."
            )
        await self._state.set(use.name, self._entry(use, "sent"), ttl_s=self._keeps_s)
        return None

    async def done(self, use: Use, made: str) -> None:
        """The gateway did it, and called it `made`."""
        await self._remember(use, "done", made)

    async def unknown(self, use: Use) -> None:
        """It was sent, and nobody knows its fate."""
        await self._remember(use, "unknown")

    async def undone(self, use: Use) -> None:
        """It was refused or never sent: the key is free again."""
        try:
            await self._state.delete(use.name)
        except SharedStateUnavailable:
            return

    async def _remember(self, use: Use, state: State, made: str | None = None) -> None:
        try:
            await self._state.set(use.name, self._entry(use, state, made), ttl_s=self._keeps_s)
        except SharedStateUnavailable:
            # The entry says "sent", which is true; a later request learns no more than that.
            return

    def _entry(self, use: Use, state: State, made: str | None = None) -> bytes:
        until = time.time() + min(self._in_flight_s, use.within_s)
        return msgspec.json.encode(Entry(use.fingerprint, state, until, made))


async def once(memory: Once, use: Use | None, send: Callable[[], Awaitable[str]]) -> tuple[str, bool]:
    """
    The id of what was made, and whether it was made now.

    Args:
        use: None sends without remembering.
        send: sends the request, and gives the id of what it made.

    Raises:
        KeyReused, KeyInUse: see there.
        FacadeError: what `send` raises.
    """
    if use is None:
        return await send(), True
    made = await memory.known(use)
    if made is not None:
        return made, False
    try:
        made = await send()
    except GatewayOutcomeUnknown:
        await memory.unknown(use)
        raise
    except Exception:
        await memory.undone(use)
        raise
    await memory.done(use, made)
    return made, True
