"""`/health`: the process lives. `/ready`: it can be sent operations, because the gateway can be reached."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FRESH_S = 1.0


async def health(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return _said(200, "ok")


class Readiness:
    """
    Whether this process should be sent operations.

    However often it is asked, the gateway is asked once a second at most, and once at a time.

    Args:
        reachable: whether the gateway answers; within a bounded time.
    """

    def __init__(self, reachable: Callable[[], Awaitable[bool]]) -> None:
        self._reachable = reachable
        self._check: asyncio.Task[bool] | None = None
        self._stale_at = 0.0
        self._leaving = False

    def leave(self) -> None:
        """From now on it is not ready: it is about to stop."""
        self._leaving = True

    async def endpoint(self, _request: Request) -> Response:
        """200 when the gateway answers, 503 when it does not or the process is about to stop."""
        if self._leaving:
            return _said(503, "stopping")
        # Shielded: the one who hangs up is not the only one who waits.
        if await asyncio.shield(self._checked()):
            return _said(200, "ready")
        return _said(503, "gateway unreachable")

    def _checked(self) -> asyncio.Task[bool]:
        if self._check is None or (self._check.done() and time.monotonic() >= self._stale_at):
            self._check = asyncio.ensure_future(self._ask())
        return self._check

    async def _ask(self) -> bool:
        try:
            return await self._reachable()
        finally:
            self._stale_at = time.monotonic() + FRESH_S


def _said(status: int, what: str) -> Response:
    return JSONResponse({"status": what}, status_code=status, headers={"cache-control": "no-store"})
