"""The composition root: every part is made here, once, and handed to those who need it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from ocpplab_graphql.execution.documents import Documents
from ocpplab_graphql.execution.executor import ContextFactory, Executor
from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.gateway.transport import AiohttpTransport, HttpxTransport, Transport
from ocpplab_graphql.http.console import Console, ConsoleConfig, ConsoleNotBuiltError
from ocpplab_graphql.http.graphql import GraphQLApp, MakeContext
from ocpplab_graphql.http.health import Readiness, health
from ocpplab_graphql.http.middleware import OperationLog, RequestIds
from ocpplab_graphql.http.sandbox_door import SandboxDoor
from ocpplab_graphql.http.schema_file import SchemaFile
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.schema import schema, sdl
from ocpplab_graphql.schema.context import Context
from ocpplab_graphql.schema.limits import Limits
from ocpplab_graphql.settings import Settings


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""


_EMBEDDED_URL = "http://sandbox"
SANDBOX_PATH = "/sandbox"
_DEMO_TOKEN = "demo"  # noqa: S105  # the sandbox's published token


def create_app(
    settings: Settings | None = None, *, transport: Transport | None = None, sandbox_url: str | None = None
) -> FastAPI:
    """
    The service as an ASGI application.

    A server that is about to stop calls `app.state.readiness.leave()`.

    Args:
        settings: by default, those of the environment.
        transport: how to reach the gateway, in place of what the settings say; closed with the app.
        sandbox_url: where another process of this service hosts the sandbox.

    Raises:
        SettingsError: the environment holds a setting that is unknown or does not fit.
        StartError: the package lacks its GraphiQL page.
    """
    settings = settings or Settings.load()
    sandbox = None if settings.gateway_url or transport or sandbox_url else _sandbox(settings)
    transport = transport or _transport(settings, sandbox)
    gateway = Gateway(
        sandbox_url or str(settings.gateway_url or _EMBEDDED_URL),
        transport,
        max_concurrency=settings.gateway_max_concurrency,
    )
    console = _console(settings, embedded=sandbox is not None or sandbox_url is not None)
    graphql = GraphQLApp(
        _executor(settings),
        _context_maker(settings, gateway),
        page=console.page if console else None,
        max_body_bytes=settings.max_request_bytes,
    )
    readiness = Readiness(gateway.is_reachable)
    routes = [
        Route("/graphql", OperationLog(graphql)),
        *([Mount("/graphql/console", console.assets)] if console else []),
        Route("/", _to_graphql),
        *([Route("/schema.graphql", SchemaFile(sdl()).endpoint)] if settings.introspection else []),
        Route("/health", health),
        Route("/ready", readiness.endpoint),
        *_sandbox_routes(settings, sandbox, sandbox_url, transport),
    ]
    app = FastAPI(
        routes=routes, lifespan=_lifespan(gateway, sandbox), docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_middleware(RequestIds)
    app.state.readiness = readiness
    return app


def _sandbox(settings: Settings) -> FastAPI:
    # Imported only when it is used: a facade of a remote gateway needs no database.
    from ocpplab_graphql.sandbox import SandboxConfig, create_sandbox  # noqa: PLC0415

    config = SandboxConfig(
        database=settings.database, seed=settings.seed, step_delay_ms=settings.sandbox_step_delay_ms
    )
    return create_sandbox(config)


def create_sandbox_host(settings: Settings) -> FastAPI:
    """The sandbox alone, below the path at which the service shows it; for the service's other processes."""
    sandbox = _sandbox(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with _running(sandbox):
            yield

    return FastAPI(
        routes=[Mount(SANDBOX_PATH, sandbox)],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )


def _sandbox_routes(
    settings: Settings, sandbox: FastAPI | None, sandbox_url: str | None, transport: Transport
) -> list[Mount]:
    if sandbox is not None:
        return [Mount(SANDBOX_PATH, sandbox)]
    if sandbox_url is not None:
        door = SandboxDoor(sandbox_url, transport, max_body_bytes=settings.gateway_max_body_bytes)
        return [Mount(SANDBOX_PATH, door)]
    return []


def _transport(settings: Settings, sandbox: ASGIApp | None) -> Transport:
    max_body_bytes = settings.gateway_max_body_bytes
    if sandbox is not None:
        return HttpxTransport.in_process(httpx.ASGITransport(app=sandbox), max_body_bytes=max_body_bytes)
    connections = settings.gateway_max_concurrency
    if settings.gateway_transport == "httpx":
        return HttpxTransport.remote(connections=connections, max_body_bytes=max_body_bytes)
    return AiohttpTransport(connections=connections, max_body_bytes=max_body_bytes)


def _console(settings: Settings, *, embedded: bool) -> Console | None:
    if not settings.console:
        return None
    token = _DEMO_TOKEN if embedded and settings.seed == "demo" else None
    try:
        return Console(ConsoleConfig(token=token, introspection=settings.introspection))
    except ConsoleNotBuiltError as error:
        raise StartError(str(error)) from error


def _executor(settings: Settings) -> Executor:
    core = schema._schema  # Strawberry's own execute parses and validates anew each time
    documents = Documents(
        core,
        size=settings.document_cache_size,
        max_tokens=settings.max_document_tokens,
        max_depth=settings.max_document_depth,
        introspection=settings.introspection,
    )
    return Executor(core, documents, errors_max=settings.errors_max)


def _context_maker(settings: Settings, gateway: Gateway) -> MakeContext:
    limits = Limits(
        page_size_default=settings.page_size_default,
        page_size_max=settings.page_size_max,
        nodes_max=settings.nodes_max,
        bulk_items_max=settings.bulk_items_max,
    )

    def for_request(credentials: Credentials, request_id: str, traced: bool) -> ContextFactory:
        def make(selected: Mapping[type[Record], frozenset[str]]) -> Context:
            client = gateway.client(credentials, timeout_s=settings.operation_timeout_s)
            return Context(client, Loaders(client, selected, traced=traced), limits, request_id)

        return make

    return for_request


def _lifespan(gateway: Gateway, sandbox: FastAPI | None):  # type: ignore[no-untyped-def]  # FastAPI's own type
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if sandbox is not None:
                await stack.enter_async_context(_running(sandbox))
            stack.push_async_callback(gateway.aclose)
            yield

    return lifespan


@asynccontextmanager
async def _running(sandbox: FastAPI) -> AsyncIterator[None]:
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


async def _to_graphql(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/graphql")
