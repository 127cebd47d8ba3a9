"""`/schema.graphql`: the schema in SDL, for code generators; cheap to ask for again."""

import hashlib

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class SchemaFile:
    """
    The SDL with its ETag.

    It is revalidated each time: a client that generates code right after a deployment gets the new one.
    """

    def __init__(self, sdl: str) -> None:
        self._sdl = sdl
        self._etag = f'"{hashlib.sha256(sdl.encode()).hexdigest()[:32]}"'

    async def endpoint(self, request: Request) -> Response:
        """The SDL, or 304 when the caller has it."""
        headers = {"cache-control": "no-cache", "etag": self._etag, "x-content-type-options": "nosniff"}
        known = [
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        ]
        if "*" in known or self._etag in known:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(self._sdl, headers=headers)
