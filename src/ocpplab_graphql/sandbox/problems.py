"""
Errors in the contract's two shapes, and the limit on a body's size.

`{"detail": str}` for every status but 422, which lists what is wrong where. Source: gateway contract, 1.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.sandbox.requests import ITEM_KINDS

__all__ = ["MAX_BODY_BYTES", "BodyLimit", "Unbroken", "add_problem_handlers", "invalid", "not_found"]

MAX_BODY_BYTES = 8 * 1024 * 1024

# What FastAPI says with 400 of a body that it cannot read; the contract says 422 of every wrong shape.
_UNREADABLE = "There was an error parsing the body"

# A reply that repeats a long mistake helps nobody.
_LONGEST_INPUT = 200


def not_found(what: str, which: str) -> HTTPException:
    """404: the id is unknown, or belongs to another CPO or tenant. The reply does not tell which."""
    return HTTPException(404, f"{what} {which[:_LONGEST_INPUT]!r} not found")


def invalid(
    loc: Sequence[str | int],
    message: str,
    kind: str,
    value: object = None,
    ctx: Mapping[str, Any] | None = None,
) -> RequestValidationError:
    """422 with one entry."""
    return RequestValidationError([{"loc": loc, "msg": message, "type": kind, "input": value, "ctx": ctx}])


def add_problem_handlers(app: FastAPI) -> None:
    """Answer 422 and 500 in the contract's shapes; the other statuses have theirs already."""

    @app.exception_handler(RequestValidationError)
    async def unprocessable(_request: Request, error: RequestValidationError) -> Response:
        rows = [_row(entry) for entry in error.errors()]
        return Response(msgspec.json.encode({"detail": rows}), 422, media_type="application/json")

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        if error.detail == _UNREADABLE:
            return await unprocessable(
                request, invalid(("body",), "the body is no JSON in UTF-8", "json_invalid")
            )
        return await http_exception_handler(request, error)

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        return Response(b'{"detail":"Internal Server Error"}', 500, media_type="application/json")


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "loc": [_short(part) for part in entry["loc"] if part not in ITEM_KINDS],
        "msg": str(entry["msg"])[:2000],
        "type": str(entry["type"]),
    }
    if _is_plain(entry.get("input")) and entry["type"] != "missing":
        row["input"] = entry["input"]
    if ctx := entry.get("ctx"):
        row["ctx"] = {str(key): value if _is_plain(value) else str(value)[:200] for key, value in ctx.items()}
    return row


def _short(part: object) -> str | int:
    return part if isinstance(part, int) else str(part)[:_LONGEST_INPUT]


def _is_plain(value: object) -> bool:
    """Whether JSON can say it briefly: no NaN, no huge number, no half character."""
    if value is None or isinstance(value, bool):
        return value is not None
    if isinstance(value, int):
        return abs(value) < 2**53
    if isinstance(value, float):
        return math.isfinite(value)
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_INPUT
        and not any("\ud800" <= c <= "\udfff" for c in value)
    )


class BodyLimit:
    """Refuse a request body of more than so many bytes with 413, as soon as that is known."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        """Wrap an application."""
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, counting the bytes of the body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > self._limit:
            await _too_large()(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Callable[[], Awaitable[Message]]:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise HTTPException(413, _TOO_LARGE)
            return message

        return counted


class Unbroken:
    """
    Finish every request that was begun, even when its caller is cancelled.

    A server does so anyway. In process, a caller's cancellation would arrive in the middle of a transaction
    and leave its connection in an unknown state.
    """

    def __init__(self, app: ASGIApp, begun: "set[asyncio.Future[None]]") -> None:
        """Wrap an application; `begun` holds the requests that run, for whoever closes the database."""
        self._app = app
        self._begun = begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application in a task of its own; whoever waits for it may leave."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        task = asyncio.ensure_future(self._app(scope, receive, send))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        await asyncio.shield(task)


_TOO_LARGE = f"the body is larger than {MAX_BODY_BYTES} bytes"


def _too_large() -> Response:
    return Response(msgspec.json.encode({"detail": _TOO_LARGE}), 413, media_type="application/json")


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
