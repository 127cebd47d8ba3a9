"""
Who calls, and for which organization.

Tokens: `demo` (a user of the seeded organization), `org-NAME` (a user of organization NAME, created when
first seen), `admin` (picks an organization by `X-Organization-Id`). Anything else is 401.

Our reading of what is not documented: an admin without the header gets 400 on routes of one tenant, a user
with the header 403 on every route, a header that is no uuid 422. An organization nobody has seen is empty.

Source: gateway contract, section 1.
"""

import re
import uuid
from typing import Annotated, NamedTuple

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ocpplab_graphql.sandbox.ids import organization_named
from ocpplab_graphql.sandbox.problems import invalid
from ocpplab_graphql.sandbox.seed import DEMO_ORGANIZATION
from ocpplab_graphql.sandbox.store import Store

__all__ = ["TOKENS", "Anyone", "Tenant"]

TOKENS = (
    ("demo", "a user of the seeded organization"),
    ("org-NAME", "a user of organization NAME, created when first seen"),
    ("admin", "every organization, one per request, by X-Organization-Id"),
)

_ORGANIZATION_TOKEN = re.compile(r"org-([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)

_bearer = HTTPBearer(auto_error=False, description="demo, org-NAME or admin")


class Caller(NamedTuple):
    """The caller's organization, None for an admin who named none; and whether it is an admin."""

    organization_id: str | None
    admin: bool = False


async def _anyone(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    x_organization_id: Annotated[
        str | None, Header(description="uuid of an organization; for admin tokens only")
    ] = None,
) -> Caller:
    token = credentials.credentials if credentials else ""
    if token == "admin":  # noqa: S105 - a published token of a sandbox
        return Caller(_picked(x_organization_id), admin=True)
    organization = await _organization_of(token, request.app.state.store)
    if x_organization_id is not None:
        raise HTTPException(
            403, "X-Organization-Id is for admin tokens: a user token carries its organization"
        )
    return Caller(organization)


async def _organization_of(token: str, store: Store) -> str:
    if token == "demo":  # noqa: S105 - the same
        return DEMO_ORGANIZATION
    match = _ORGANIZATION_TOKEN.fullmatch(token)
    if match is None:
        raise HTTPException(401, "missing or invalid token", {"WWW-Authenticate": "Bearer"})
    organization_id = organization_named(match[1])
    await store.see_organization(organization_id, match[1])
    return organization_id


def _picked(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        return str(uuid.UUID(header))
    except ValueError:
        raise invalid(
            ("header", "x-organization-id"), "Input should be a valid UUID", "uuid_parsing", header
        ) from None


async def _tenant(caller: Annotated[Caller, Depends(_anyone)]) -> str:
    if caller.organization_id is None:
        raise HTTPException(400, "an admin token needs X-Organization-Id on this route")
    return caller.organization_id


Anyone = Annotated[Caller, Depends(_anyone)]
Tenant = Annotated[str, Depends(_tenant)]
