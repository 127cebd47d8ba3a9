"""What routes share: path and query parameters, replies, and the errors they may give."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Path, Query, Response
from starlette.requests import HTTPConnection

from ocpplab_graphql.sandbox.changes import Changes
from ocpplab_graphql.sandbox.ids import cpo_row
from ocpplab_graphql.sandbox.jobs import Accepted, KeyInUseError, KeyReusedError, Submissions, Worker
from ocpplab_graphql.sandbox.problems import invalid, not_found
from ocpplab_graphql.sandbox.replies import HttpError, ValidationFailure
from ocpplab_graphql.sandbox.store import Store, Window

__all__ = [
    "CpoId",
    "IdempotencyKey",
    "Jobs",
    "Paging",
    "Reads",
    "Working",
    "Writes",
    "accepted_reply",
    "answers",
    "key_problems",
    "known_cpo",
    "reply",
    "reply_or_404",
]

_MEANINGS = {
    400: "Semantically wrong data, or an admin token without X-Organization-Id.",
    401: "Missing or invalid token.",
    403: "The token may not do this.",
    404: "Unknown id, or an id that is not under this CPO or this organization.",
    409: "A request with the same Idempotency-Key is being answered.",
    413: "The body is larger than 8 MiB.",
    500: "Unexpected.",
    503: "The workflow engine is not available.",
}


def answers(success: int, model: Any, *errors: int, tenant: bool = True) -> dict[int | str, dict[str, Any]]:
    """
    The replies of a route for the OpenAPI document. 401, 403, 422 and 500 belong to every route.

    So does 400 to those of one tenant: an admin token that names no organization.
    """
    told: dict[int | str, dict[str, Any]] = {success: {"model": model} if model else {}}
    for status in sorted({401, 403, 422, 500, *errors, *((400,) if tenant else ())}):
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


async def _changes(connection: HTTPConnection) -> Changes:
    changes: Changes = connection.app.state.changes
    return changes


async def _submissions(connection: HTTPConnection) -> Submissions:
    submissions: Submissions = connection.app.state.submissions
    return submissions


async def _worker(connection: HTTPConnection) -> Worker:
    worker: Worker = connection.app.state.worker
    return worker


Writes = Annotated[Changes, Depends(_changes)]
Jobs = Annotated[Submissions, Depends(_submissions)]
Working = Annotated[Worker, Depends(_worker)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="an extension of this sandbox: same key and body, the first answer; other body 422; "
        "while the first is being answered 409; remembered for a day",
    ),
]


@contextmanager
def key_problems(key: str | None) -> Iterator[None]:
    """Answer what may be wrong with an idempotency key."""
    try:
        yield
    except KeyReusedError:
        raise invalid(
            ("header", "idempotency-key"),
            "this key came before with another request",
            "idempotency_key_reused",
            key,
        ) from None
    except KeyInUseError:
        raise HTTPException(409, "a request with this Idempotency-Key is being answered") from None


def accepted_reply(accepted: Accepted) -> Response:
    """202, and whether this is the first time."""
    return reply(accepted.body, 202, {"Idempotent-Replayed": "true"} if accepted.replayed else None)


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
