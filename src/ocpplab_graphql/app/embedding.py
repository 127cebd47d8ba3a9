"""The sandbox inside: made, run, and shown below the service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Mount

from ocpplab_graphql.app.starting import StartError
from ocpplab_graphql.gateway.transport import Transport
from ocpplab_graphql.http.bodies import Bodies, WholeBodies
from ocpplab_graphql.http.sandbox_door import SandboxDoor
from ocpplab_graphql.settings import Settings

SANDBOX_PATH = "/sandbox"
DEMO_TOKEN = "demo"  # noqa: S105  # the sandbox's published token


def sandbox_of(settings: Settings) -> FastAPI:
    """The sandbox that the settings describe."""
    # Imported only when it is used: a facade of a remote gateway needs no database.
    from ocpplab_graphql.sandbox import SandboxConfig, create_sandbox  # noqa: PLC0415

    config = SandboxConfig(
        database=settings.database, seed=settings.seed, step_delay_ms=settings.sandbox_step_delay_ms
    )
    return create_sandbox(config)


def create_sandbox_host(settings: Settings) -> FastAPI:
    """The sandbox alone, below the path at which the service shows it; for the service's other processes."""
    sandbox = sandbox_of(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(sandbox):
            yield

    return FastAPI(
        routes=[Mount(SANDBOX_PATH, sandbox)],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )


def sandbox_routes(
    sandbox: FastAPI | None, sandbox_url: str | None, transport: Transport, bodies: Bodies
) -> list[Mount]:
    """Where the REST API of the sandbox is shown, be it inside or hosted by another process; else nothing."""
    if sandbox is None and sandbox_url is None:
        return []
    inside = sandbox or SandboxDoor(sandbox_url or "", transport)
    return [Mount(SANDBOX_PATH, WholeBodies(inside, bodies))]


@asynccontextmanager
async def running(sandbox: FastAPI) -> AsyncIterator[None]:
    """
    Within it the sandbox runs.

    Raises:
        StartError: it cannot.
    """
    from ocpplab_graphql.sandbox import SandboxStartError  # noqa: PLC0415

    lifespan = sandbox.router.lifespan_context(sandbox)
    try:
        await lifespan.__aenter__()
    except SandboxStartError as error:
        raise StartError(f"the sandbox cannot start: {error}") from error
    try:
        yield
    finally:
        await lifespan.__aexit__(None, None, None)
