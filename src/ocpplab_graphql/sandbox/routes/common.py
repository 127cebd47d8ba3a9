"""What routes share: path and query parameters, replies, and the errors they may give."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Response
from starlette.requests import HTTPConnection

from ocpplab_graphql.sandbox.ids import cpo_row
from ocpplab_graphql.sandbox.problems import not_found
from ocpplab_graphql.sandbox.replies import HttpError, ValidationFailure
from ocpplab_graphql.sandbox.store import Store, Window

__all__ = ["CpoId", "Paging", "Reads", "answers", "known_cpo", "reply", "reply_or_404"]

_MEANINGS = {
    400: "Semantically wrong data.",
    401: "Missing or invalid token.",
    403: "The token may not do this.",
    404: "Unknown id, or an id that is not under this CPO or this organization.",
    409: "A request with the same Idempotency-Key is being answered.",
    413: "The body is larger than 8 MiB.",
    500: "Unexpected.",
    503: "The workflow engine is not available.",
}


def answers(success: int, model: Any, *errors: int) -> dict[int | str, dict[str, Any]]:
    """The replies of a route for the OpenAPI document. 401, 403, 422 and 500 belong to every route."""
    told: dict[int | str, dict[str, Any]] = {success: {"model": model}}
    for status in sorted({401, 403, 422, 500, *errors}):
        if status == 422:
            told[422] = {"model": ValidationFailure, "description": "The shape of the request is wrong."}
        else:
            told[status] = {"model": HttpError, "description": _MEANINGS[status]}
    return told


CpoId = Annotated[str, Path(pattern=r"^\d+$", max_length=64, description="digits", examples=["101"])]


# Dependencies are coroutines though they wait for nothing: FastAPI sends plain functions to a thread.
async def _store(connection: HTTPConnection) -> Store:
    store: Store = connection.app.state.store
    return store


Reads = Annotated[Store, Depends(_store)]


async def _window(
    page: Annotated[int, Query(ge=1, description="from 1")] = 1,
    limit: Annotated[int, Query(ge=1, le=100, description="rows of a page")] = 50,
) -> Window:
    return Window(page, limit)


Paging = Annotated[Window, Depends(_window)]


def reply(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply that is encoded already."""
    return Response(body, status, headers, media_type="application/json")


def reply_or_404(body: bytes | None, what: str, which: str) -> Response:
    """The reply, or 404 when there is none."""
    if body is None:
        raise not_found(what, which)
    return reply(body)


def known_cpo(cpo_id: str) -> int:
    """The row that a CPO's id may have; 404 for digits that are no row's number."""
    row = cpo_row(cpo_id)
    if row is None:
        raise not_found("CPO", cpo_id)
    return row
