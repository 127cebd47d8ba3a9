"""Failure on demand: an extension of this sandbox, for admin tokens."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ocpplab_graphql.sandbox.auth import Anyone
from ocpplab_graphql.sandbox.faults import Fault, Faults, unknown_route
from ocpplab_graphql.sandbox.problems import invalid
from ocpplab_graphql.sandbox.routes.common import answers, reply

__all__ = ["router"]

router = APIRouter(tags=["Faults"])


class FaultList(BaseModel):
    """All faults that are set."""

    model_config = ConfigDict(strict=True, extra="forbid")

    faults: list[Fault] = Field(max_length=100)


async def _faults(caller: Anyone, request: Request) -> Faults:
    if not caller.admin:
        raise HTTPException(403, "faults are set by admin tokens")
    faults: Faults = request.app.state.faults
    return faults


Settable = Annotated[Faults, Depends(_faults)]


def _shown(faults: Faults) -> Response:
    return reply(msgspec.json.encode({"faults": [fault.model_dump() for fault in faults.chosen]}))


@router.get("/faults", summary="The faults that are set", responses=answers(200, FaultList, tenant=False))
async def show(faults: Settable) -> Response:
    """What goes wrong on demand. Needs an admin token, and no organization."""
    return _shown(faults)


@router.put("/faults", summary="Set the faults", responses=answers(200, FaultList, 413, tenant=False))
async def put(body: FaultList, faults: Settable, request: Request) -> Response:
    """These and no others, in this process, until it ends or they are set anew."""
    known = list(request.app.openapi()["paths"])
    for index, fault in enumerate(body.faults):
        if unknown_route(fault.route, known):
            raise invalid(
                ("body", "faults", index, "route"), "no route has this path", "unknown_route", fault.route
            )
    faults.set(body.faults)
    return _shown(faults)


@router.delete(
    "/faults",
    summary="Switch the faults off",
    status_code=204,
    response_class=Response,
    responses=answers(204, None, tenant=False),
)
async def clear(faults: Settable) -> Response:
    """Nothing goes wrong on demand any more."""
    faults.set(())
    return Response(status_code=204)
