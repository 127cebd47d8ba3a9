"""
The sandbox as an application: its routes, and what lives as long as it does.

The lifespan opens the database, writes the demo world into an empty one, and starts the worker. Whoever
mounts the application enters it: `async with app.router.lifespan_context(app)`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from ocpplab_graphql.sandbox.changes import Changes
from ocpplab_graphql.sandbox.config import SandboxConfig, SandboxStartError
from ocpplab_graphql.sandbox.database import Database, open_database
from ocpplab_graphql.sandbox.faults import Faults, FaultyAnswers, fault_of, unknown_route
from ocpplab_graphql.sandbox.jobs import Submissions, Worker
from ocpplab_graphql.sandbox.problems import BodyLimit, Unbroken, add_problem_handlers
from ocpplab_graphql.sandbox.routes import about, chargers, cpos, faults, locations, templates
from ocpplab_graphql.sandbox.seed.sow import sow_demo
from ocpplab_graphql.sandbox.store import Store

__all__ = ["create_sandbox"]

_DESCRIPTION = """\
A complete, durable OCPPLAB Gateway to develop and test against: simulated EV charger networks for roaming \
tests. An organization owns CPOs, a CPO owns locations, a location holds chargers.

Every route but /health takes a bearer token: demo (a user of the seeded organization), org-NAME (a user of \
organization NAME, created when first seen), or admin (any organization, named by X-Organization-Id).

Errors are {"detail": text}; 422 lists what is wrong where."""


def create_sandbox(config: SandboxConfig) -> FastAPI:
    """
    The sandbox's application. Its lifespan raises SandboxStartError when the database cannot be used.

    Raises:
        SandboxStartError: a fault is not written as faults are.

    A path prefix is whatever the server or the mount says (`root_path`).
    """
    begun: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = await open_database(config.database)
        try:
            if config.seed == "demo":
                await _sow(database)
            async with _working(app, database, config.step_delay_ms / 1000):
                yield
                await asyncio.gather(*begun, return_exceptions=True)
        finally:
            await database.close()

    app = FastAPI(
        title="OCPPLAB Gateway sandbox",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would answer a slash at the end with a host-bound URL; the contract knows no such reply.
        redirect_slashes=False,
    )
    for part in (cpos, locations, templates, chargers, faults, about):
        app.include_router(part.router)
    add_problem_handlers(app)
    app.state.faults = _chosen_faults(config, list(app.openapi()["paths"]) if config.faults else [])
    app.add_middleware(BodyLimit)
    app.add_middleware(FaultyAnswers, faults=app.state.faults)
    app.add_middleware(Unbroken, begun=begun)
    return app


def _chosen_faults(config: SandboxConfig, known: list[str]) -> Faults:
    try:
        chosen = [fault_of(text) for text in config.faults]
    except ValueError as error:
        raise SandboxStartError(str(error)) from error
    for text, fault in zip(config.faults, chosen, strict=True):
        if unknown_route(fault.route, known):
            raise SandboxStartError(f"--fault {text!r}: no route has this path")
    return Faults(chosen)


async def _sow(database: Database) -> None:
    try:
        await sow_demo(database)
    except DBAPIError as error:
        raise SandboxStartError(f"cannot write the demo world: {error.orig}") from error


@asynccontextmanager
async def _working(app: FastAPI, database: Database, step_delay_s: float) -> AsyncIterator[None]:
    worker = Worker(database, step_delay_s)
    app.state.store = Store(database)
    app.state.changes = Changes(database)
    app.state.submissions = Submissions(database)
    app.state.worker = worker
    worker.start()
    try:
        yield
    finally:
        await worker.stop()
