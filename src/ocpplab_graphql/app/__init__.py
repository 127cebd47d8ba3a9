"""The composition root: every part is made here, once, and handed to those who need it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplab_graphql.app.embedding import (
    DEMO_TOKEN,
    SANDBOX_PATH,
    create_sandbox_host,
    running,
    sandbox_of,
    sandbox_routes,
)
from ocpplab_graphql.app.executing import (
    context_maker,
    documents_of,
    executor_of,
    following_of,
    manifest_of,
    once_of,
    persisted_documents,
)
from ocpplab_graphql.app.sharing import shared_of
from ocpplab_graphql.app.starting import StartError
from ocpplab_graphql.app.status import metrics_of, readiness_of
from ocpplab_graphql.app.upstream import gateway_of, transport_of
from ocpplab_graphql.execution.executor import OperationRequest
from ocpplab_graphql.gateway.client import Gateway
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.gateway.transport import Transport
from ocpplab_graphql.http.admission import Admission
from ocpplab_graphql.http.bodies import Bodies
from ocpplab_graphql.http.compression import Compressed
from ocpplab_graphql.http.console import Console, ConsoleConfig, ConsoleNotBuiltError
from ocpplab_graphql.http.cors import CrossOrigin
from ocpplab_graphql.http.graphql import GraphQLApp
from ocpplab_graphql.http.health import health
from ocpplab_graphql.http.middleware import RequestIds
from ocpplab_graphql.http.schema_file import SchemaFile
from ocpplab_graphql.http.streams import Stopping
from ocpplab_graphql.http.websocket import GraphQLSocket, SocketLimits
from ocpplab_graphql.loaders.following import Following
from ocpplab_graphql.schema import sdl
from ocpplab_graphql.schema.context import Context
from ocpplab_graphql.settings import Settings
from ocpplab_graphql.shared import SharedState

__all__ = ["SANDBOX_PATH", "Service", "StartError", "create_app", "create_sandbox_host", "explanation"]


def create_app(
    settings: Settings | None = None, *, transport: Transport | None = None, sandbox_url: str | None = None
) -> FastAPI:
    """
    The service as an ASGI application.

    A server that begins to stop calls `app.state.stopping.say()`: streams have no end of their own, and it would
    wait for them. The end of the lifespan says it too. One that is about to stop calls
    `app.state.readiness.leave()`.

    Args:
        settings: by default, those of the environment.
        transport: how to reach the gateway, in place of what the settings say; closed with the app.
        sandbox_url: where another process of this service hosts the sandbox.

    Raises:
        SettingsError: the environment holds a setting that is unknown or does not fit.
        StartError: the package lacks its GraphiQL page, or a manifest cannot be read.
    """
    settings = settings or Settings.load()
    sandbox = None if settings.gateway_url or transport or sandbox_url else sandbox_of(settings)
    transport = transport or transport_of(settings, sandbox)
    gateway = gateway_of(settings, transport, sandbox_url)
    embedded = sandbox is not None or sandbox_url is not None
    console = _console(settings, embedded=embedded)
    following = following_of(settings, gateway)
    manifest, shared = manifest_of(settings), shared_of(settings)
    documents = documents_of(settings, manifest)
    persisted = persisted_documents(settings, documents, manifest, shared)
    admission = Admission(at_once=settings.operations_max, wait_s=settings.operations_wait_s)
    executor, make_context, stopping = (
        executor_of(settings, documents),
        context_maker(settings, gateway, following, once_of(settings, shared, embedded=embedded)),
        Stopping(),
    )
    cross_origin, compressed = _cross_origin(settings), _compressed(settings)
    graphql = GraphQLApp(
        executor,
        make_context,
        page=_page(console, compressed) if console else None,
        bodies=_bodies(settings, settings.max_request_bytes),
        admission=admission,
        values_max=settings.max_variable_values,
        stopping=stopping,
        heartbeat_s=settings.stream_heartbeat_s,
        persisted=persisted,
        compress_from=settings.compression_min_bytes if settings.compression else None,
        answer_max_age_s=settings.answer_max_age_s,
    )
    readiness = readiness_of(gateway, admission)
    routes = [
        Route("/graphql", graphql, middleware=cross_origin),
        WebSocketRoute(
            "/graphql",
            GraphQLSocket(executor, make_context, stopping, _socket_limits(settings), persisted, admission),
        ),
        *([Mount("/graphql/console", console.assets, middleware=compressed)] if console else []),
        Route("/", _to_graphql),
        *(
            [Route("/schema.graphql", SchemaFile(sdl()).endpoint, middleware=[*cross_origin, *compressed])]
            if settings.introspection
            else []
        ),
        Route("/health", health),
        Route("/ready", readiness.endpoint),
        *(
            [Route("/metrics", metrics_of(executor, documents, gateway, admission).endpoint)]
            if settings.metrics
            else []
        ),
        *sandbox_routes(sandbox, sandbox_url, transport, _bodies(settings, settings.gateway_max_body_bytes)),
    ]
    lifespan = _lifespan(gateway, sandbox, following, stopping, shared)
    app = Service(routes=routes, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(RequestIds)
    app.operations = _around(graphql, cross_origin)
    app.state.stopping = stopping
    app.state.execution_counts = executor.executions
    app.state.readiness = readiness
    app.state.gateway = gateway
    return app


class Service(FastAPI):
    """
    The application, with a short way for what it is there for.

    Attributes:
        operations: what a POST to `/graphql` goes to; nothing of the framework stands in between, which costs as
            much as everything else that is done for a small query.
    """

    operations: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/graphql":
            scope["app"] = self
            await self.operations(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _around(app: ASGIApp, middleware: Sequence[Middleware]) -> ASGIApp:
    """The application with these around it, the first outermost."""
    for one in reversed(middleware):
        app = one.cls(app, *one.args, **one.kwargs)
    return app


def _page(console: Console, compressed: Sequence[Middleware]) -> ASGIApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await console.page(scope)(scope, receive, send)

    return _around(page, compressed)


async def explanation(
    settings: Settings, text: str, variables: dict[str, Any], operation: str | None
) -> dict[str, Any]:
    """The answer to an operation that is only planned: its cost, or why it would be refused."""

    def no_context(_narrowing: Narrowing) -> Context:
        raise TypeError("a plan executes nothing")

    request = OperationRequest(text, variables, operation, explain=True)
    executor = executor_of(settings, documents_of(settings, manifest=None))
    return (await executor.execute(request, no_context, "explain")).body


def _bodies(settings: Settings, each: int) -> Bodies:
    return Bodies(each=each, in_all=settings.request_bytes_max, within_s=settings.receive_timeout_s)


def _console(settings: Settings, *, embedded: bool) -> Console | None:
    if not settings.console:
        return None
    token = DEMO_TOKEN if embedded and settings.seed == "demo" else None
    try:
        return Console(ConsoleConfig(token=token, introspection=settings.introspection))
    except ConsoleNotBuiltError as error:
        raise StartError(str(error)) from error


def _cross_origin(settings: Settings) -> list[Middleware]:
    origins = settings.cors_origins_listed
    return [Middleware(CrossOrigin, origins=origins)] if origins else []


def _compressed(settings: Settings) -> list[Middleware]:
    return [Middleware(Compressed, bytes_min=settings.compression_min_bytes)] if settings.compression else []


def _socket_limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        message_bytes=settings.max_request_bytes,
        connections=settings.websockets_max,
        init_timeout_s=settings.websocket_init_timeout_s,
        operations=settings.websocket_operations_max,
        values=settings.max_variable_values,
        heartbeat_s=settings.stream_heartbeat_s,
    )


def _lifespan(  # type: ignore[no-untyped-def]  # FastAPI's own type
    gateway: Gateway,
    sandbox: FastAPI | None,
    following: Following,
    stopping: Stopping,
    shared: SharedState | None,
):
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if sandbox is not None:
                await stack.enter_async_context(running(sandbox))
            if shared is not None:
                stack.push_async_callback(shared.aclose)
            stack.push_async_callback(gateway.aclose)
            stack.push_async_callback(following.aclose)
            stack.callback(stopping.say)
            yield

    return lifespan


async def _to_graphql(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/graphql")
