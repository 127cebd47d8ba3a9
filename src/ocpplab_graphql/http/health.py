"""`/health`: the process lives. `/ready`: the gateway can be reached."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def health(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})


def ready(reachable: Callable[[], Awaitable[bool]]) -> Callable[[Request], Awaitable[Response]]:
    """200 when the gateway answers, 503 otherwise."""

    async def endpoint(_request: Request) -> Response:
        is_ready = await reachable()
        return JSONResponse(
            {"status": "ready" if is_ready else "gateway unreachable"},
            status_code=200 if is_ready else 503,
            headers={"cache-control": "no-store"},
        )

    return endpoint
