"""`/health`: the process lives. `/ready`: it can be sent operations, because the gateway can be reached and used."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FRESH_S = 1.0


async def health(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return _said(200, "ok")


@dataclass(frozen=True, slots=True)
class NotReady:
    """
    Why this process should be sent nothing for now.

    Attributes:
        why: in two words.
        retry_after_s: when it will probably be otherwise.
    """

    why: str
    retry_after_s: float


class Readiness:
    """
    Whether this process should be sent operations.

    However often it is asked, the gateway is asked once a second at most, and once at a time.

    Args:
        reachable: whether the gateway answers; within a bounded time.
        troubles: each says at once why this process would refuse operations now, or None.
    """

    def __init__(
        self, reachable: Callable[[], Awaitable[bool]], *troubles: Callable[[], NotReady | None]
    ) -> None:
        self._reachable = reachable
        self._troubles = troubles
        self._check: asyncio.Task[bool] | None = None
        self._stale_at = 0.0
        self._leaving = False

    def leave(self) -> None:
        """From now on it is not ready: it is about to stop."""
        self._leaving = True

    async def endpoint(self, _request: Request) -> Response:
        """200 when operations would be served now, else 503 with the reason."""
        if self._leaving:
            return _said(503, "stopping")
        for trouble in self._troubles:
            if (found := trouble()) is not None:
                return _refused(found)
        # Shielded: the one who hangs up is not the only one who waits.
        if await asyncio.shield(self._checked()):
            return _said(200, "ready")
        return _refused(NotReady("gateway unreachable", FRESH_S))

    def _checked(self) -> asyncio.Task[bool]:
        if self._check is None or (self._check.done() and time.monotonic() >= self._stale_at):
            self._check = asyncio.ensure_future(self._ask())
        return self._check

    async def _ask(self) -> bool:
        try:
            return await self._reachable()
        finally:
            self._stale_at = time.monotonic() + FRESH_S


def _refused(reason: NotReady) -> Response:
    return _said(503, reason.why, {"retry-after": str(max(1, ceil(reason.retry_after_s)))})


def _said(status: int, what: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        {"status": what}, status_code=status, headers={"cache-control": "no-store", **(headers or {})}
    )
