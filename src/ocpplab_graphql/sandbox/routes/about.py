"""Liveness, and the document for people: a page made from the OpenAPI document, nothing from the network."""

from fastapi import APIRouter, Request, Response

from ocpplab_graphql.sandbox.page import documentation
from ocpplab_graphql.sandbox.replies import Health
from ocpplab_graphql.sandbox.routes.common import reply

__all__ = ["router"]

router = APIRouter(tags=["About"])

# The page needs neither scripts nor anything from elsewhere, and a browser holds it to that.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@router.get("/health", summary="Liveness", responses={200: {"model": Health}})
async def health() -> Response:
    """The process lives. Needs no token."""
    return reply(b'{"status":"ok"}')


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Every route with its parameters, bodies, replies and errors."""
    page = documentation(request.app.openapi())
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})
