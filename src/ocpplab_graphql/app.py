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

from ocpplab_graphql.execution.compiled import Engine
from ocpplab_graphql.execution.documents import DocumentLimits, Documents
from ocpplab_graphql.execution.executor import ContextFactory, CostLimits, Executor, OperationRequest
from ocpplab_graphql.execution.manifest import Manifest, ManifestError, read_manifest
from ocpplab_graphql.execution.persisted import PersistedDocuments, Registry
from ocpplab_graphql.gateway.breaker import BreakerLimits
from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.gateway.retry import RetryPolicy
from ocpplab_graphql.gateway.transport import AsgiTransport, Http1Transport, Transport
from ocpplab_graphql.gateway.way import WayLimits
from ocpplab_graphql.http.admission import RETRY_AFTER_S, Admission
from ocpplab_graphql.http.bodies import Bodies, WholeBodies
from ocpplab_graphql.http.compression import Compressed
from ocpplab_graphql.http.console import Console, ConsoleConfig, ConsoleNotBuiltError
from ocpplab_graphql.http.cors import CrossOrigin
from ocpplab_graphql.http.envelope import MakeContext
from ocpplab_graphql.http.graphql import GraphQLApp
from ocpplab_graphql.http.health import NotReady, Readiness, health
from ocpplab_graphql.http.metrics import Metric, Metrics
from ocpplab_graphql.http.middleware import RequestIds
from ocpplab_graphql.http.sandbox_door import SandboxDoor
from ocpplab_graphql.http.schema_file import SchemaFile
from ocpplab_graphql.http.streams import Stopping
from ocpplab_graphql.http.websocket import GraphQLSocket, SocketLimits
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.loaders.following import Following
from ocpplab_graphql.schema import SECRET_FIELDS, schema, sdl
from ocpplab_graphql.schema.context import Context
from ocpplab_graphql.schema.limits import Limits
from ocpplab_graphql.schema.once import Once
from ocpplab_graphql.schema.rules import GraphRules
from ocpplab_graphql.settings import Settings
from ocpplab_graphql.shared import InProcess, SharedState


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""


# An entry takes about 250 bytes, so the number of entries is the bound that is met first.
_IDEMPOTENCY_BYTES_MAX = 256 * 1024 * 1024
_EMBEDDED_URL = "http://sandbox"
SANDBOX_PATH = "/sandbox"
_DEMO_TOKEN = "demo"  # noqa: S105  # the sandbox's published token


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
    sandbox = None if settings.gateway_url or transport or sandbox_url else _sandbox(settings)
    transport = transport or _transport(settings, sandbox)
    gateway = Gateway(
        sandbox_url or str(settings.gateway_url or _EMBEDDED_URL),
        transport,
        max_concurrency=settings.gateway_max_concurrency,
        limits=_way_limits(settings),
        shares_reads=settings.gateway_shares_reads,
    )
    embedded = sandbox is not None or sandbox_url is not None
    console = _console(settings, embedded=embedded)
    following = _following(settings, gateway)
    manifest, shared = _manifest(settings), _shared(settings)
    documents = _documents(settings, manifest)
    persisted = _persisted(settings, documents, manifest, shared)
    admission = Admission(at_once=settings.operations_max, wait_s=settings.operations_wait_s)
    executor, make_context, stopping = (
        _executor(settings, documents),
        _context_maker(settings, gateway, following, _once(settings, shared, embedded=embedded)),
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
    readiness = Readiness(
        gateway.is_reachable, lambda: _gateway_trouble(gateway), lambda: _own_trouble(admission)
    )
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
            [Route("/metrics", _metrics(executor, documents, gateway, admission).endpoint)]
            if settings.metrics
            else []
        ),
        *_sandbox_routes(settings, sandbox, sandbox_url, transport),
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
    executor = _executor(settings, _documents(settings, manifest=None))
    return (await executor.execute(request, no_context, "explain")).body


def _metrics(executor: Executor, documents: Documents, gateway: Gateway, admission: Admission) -> Metrics:
    return Metrics(
        [
            Metric(
                "queries_total",
                "counter",
                "Queries, by how they were executed.",
                lambda: executor.executions,
                label="execution",
            ),
            Metric(
                "documents_total",
                "counter",
                "Documents that came, by whether they were known.",
                lambda: {"hit": documents.hits, "miss": documents.misses},
                label="cache",
            ),
            Metric("documents_kept", "gauge", "Documents that are kept.", lambda: {"": len(documents)}),
            Metric(
                "operations",
                "gauge",
                "Operations, by whether they have a place.",
                lambda: {"running": admission.running, "waiting": admission.waiting},
                label="state",
            ),
            Metric(
                "gateway_calls",
                "gauge",
                "Gateway calls, by whether they have a slot.",
                lambda: {"in_flight": gateway.state.in_flight, "waiting": gateway.state.waiting},
                label="state",
            ),
            Metric(
                "gateway_breaker_open",
                "gauge",
                "1 while no gateway calls are made but probes.",
                lambda: {"": gateway.state.breaker != "closed"},
            ),
        ]
    )


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
    if sandbox is None and sandbox_url is None:
        return []
    inside = sandbox or SandboxDoor(sandbox_url or "", transport)
    return [Mount(SANDBOX_PATH, WholeBodies(inside, _bodies(settings, settings.gateway_max_body_bytes)))]


def _bodies(settings: Settings, each: int) -> Bodies:
    return Bodies(each=each, in_all=settings.request_bytes_max, within_s=settings.receive_timeout_s)


def _transport(settings: Settings, sandbox: ASGIApp | None) -> Transport:
    max_body_bytes = settings.gateway_max_body_bytes
    if sandbox is not None:
        return AsgiTransport(sandbox, max_body_bytes=max_body_bytes)
    # Probes of the breaker, and the question whether the gateway is there, wait for nobody.
    connections = settings.gateway_max_concurrency + settings.gateway_breaker_probes + 1
    if settings.gateway_transport == "httpx":
        from ocpplab_graphql.gateway.transport import HttpxTransport  # noqa: PLC0415  # loaded only when it is used

        return HttpxTransport.remote(connections=connections, max_body_bytes=max_body_bytes)
    if settings.gateway_transport == "aiohttp":
        from ocpplab_graphql.gateway.transport import AiohttpTransport  # noqa: PLC0415  # as above

        return AiohttpTransport(connections=connections, max_body_bytes=max_body_bytes)
    return Http1Transport(
        connections=connections,
        max_body_bytes=max_body_bytes,
        max_head_bytes=settings.gateway_max_head_bytes,
        keepalive_s=settings.gateway_keepalive_s,
        compressed=settings.gateway_compression,
    )


def _way_limits(settings: Settings) -> WayLimits:
    return WayLimits(
        waiting_max=settings.gateway_waiting_max,
        waiting_s=settings.gateway_waiting_s,
        retry=RetryPolicy(
            retries=settings.gateway_retries,
            base_s=settings.gateway_retry_base_s,
            max_s=settings.gateway_retry_max_s,
        ),
        retry_budget=settings.gateway_retry_budget,
        breaker=BreakerLimits(
            ratio=settings.gateway_breaker_ratio,
            calls=settings.gateway_breaker_calls,
            window=settings.gateway_breaker_window,
            window_s=settings.gateway_breaker_window_s,
            # A call that ends with its operation's deadline must have been slow by then.
            slow_s=min(settings.gateway_breaker_slow_s, settings.operation_timeout_s / 2),
            open_s=settings.gateway_breaker_open_s,
            probes=settings.gateway_breaker_probes,
        ),
    )


def _gateway_trouble(gateway: Gateway) -> NotReady | None:
    """
    Why operations that need the gateway would be refused now.

    Not while the breaker probes: it needs operations for that, and a load balancer would send none.
    """
    state = gateway.state
    if state.breaker == "open":
        return NotReady("gateway failing", state.retry_after_s)
    return NotReady("overloaded", state.retry_after_s) if state.shedding else None


def _own_trouble(admission: Admission) -> NotReady | None:
    return NotReady("overloaded", RETRY_AFTER_S) if admission.is_shedding() else None


def _console(settings: Settings, *, embedded: bool) -> Console | None:
    if not settings.console:
        return None
    token = _DEMO_TOKEN if embedded and settings.seed == "demo" else None
    try:
        return Console(ConsoleConfig(token=token, introspection=settings.introspection))
    except ConsoleNotBuiltError as error:
        raise StartError(str(error)) from error


def _manifest(settings: Settings) -> Manifest | None:
    if settings.trusted_documents == "off" or settings.trusted_documents_file is None:
        return None
    try:
        return read_manifest(settings.trusted_documents_file)
    except ManifestError as error:
        raise StartError(f"the manifest of trusted documents: {error}") from error


def _shared(settings: Settings) -> SharedState | None:
    """What this process shares with others; None when it is alone."""
    if settings.redis_url is None:
        return None
    from ocpplab_graphql.shared.on_redis import OnRedis  # noqa: PLC0415  # only who uses Redis loads its client

    try:
        return OnRedis(settings.redis_url)
    except ValueError as error:
        raise StartError(f"OCPPLAB_REDIS_URL cannot be used: {error}") from error


def _once(settings: Settings, shared: SharedState | None, *, embedded: bool) -> Once:
    honours = settings.gateway_honours_idempotency_keys
    return Once(
        shared or InProcess(entries_max=settings.idempotency_entries_max, bytes_max=_IDEMPOTENCY_BYTES_MAX),
        keeps_s=settings.idempotency_ttl_s,
        in_flight_s=settings.latest_deadline_s,
        gateway_honours_keys=embedded if honours is None else honours,
    )


def _persisted(
    settings: Settings, documents: Documents, manifest: Manifest | None, shared: SharedState | None
) -> PersistedDocuments:
    near = InProcess(entries_max=settings.persisted_entries_max, bytes_max=settings.persisted_bytes_max)
    registry = Registry(near, shared, settings.persisted_ttl_s)
    return PersistedDocuments(
        documents,
        manifest=manifest,
        registry=registry if settings.automatic_persisted_queries else None,
        only=settings.trusted_documents == "only",
    )


def _cross_origin(settings: Settings) -> list[Middleware]:
    origins = settings.cors_origins_listed
    return [Middleware(CrossOrigin, origins=origins)] if origins else []


def _compressed(settings: Settings) -> list[Middleware]:
    return [Middleware(Compressed, bytes_min=settings.compression_min_bytes)] if settings.compression else []


def _documents(settings: Settings, manifest: Manifest | None) -> Documents:
    core = schema._schema  # Strawberry's own execute parses and validates anew each time
    return Documents(
        core,
        size=settings.document_cache_size,
        limits=DocumentLimits(
            tokens=settings.max_document_tokens,
            nesting=settings.max_document_nesting,
            depth=settings.max_depth,
            fields=settings.max_fields,
            aliases=settings.max_aliases,
            root_fields=settings.max_root_fields,
            comparisons=settings.max_field_comparisons,
            definitions=settings.max_definitions,
            introspected=settings.max_introspected_fields,
        ),
        introspection=settings.introspection,
        secret_fields=SECRET_FIELDS,
        allows=manifest.trusts if manifest is not None and settings.trusted_documents == "only" else None,
    )


def _executor(settings: Settings, documents: Documents) -> Executor:
    limits = CostLimits(
        calls=settings.max_gateway_calls, nodes=settings.max_nodes, page_size=settings.page_size_default
    )
    core = schema._schema
    engine = (
        Engine(core, GraphRules(), after=settings.compile_after) if settings.execution == "compiled" else None
    )
    return Executor(core, documents, errors_max=settings.errors_max, limits=limits, engine=engine)


def _following(settings: Settings, gateway: Gateway) -> Following:
    return Following(
        gateway,
        interval_s=settings.follow_interval_s,
        interval_max_s=settings.follow_interval_max_s,
        timeout_s=settings.operation_timeout_s,
        followers_max=settings.followers_max,
    )


def _socket_limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        message_bytes=settings.max_request_bytes,
        connections=settings.websockets_max,
        init_timeout_s=settings.websocket_init_timeout_s,
        operations=settings.websocket_operations_max,
        values=settings.max_variable_values,
        heartbeat_s=settings.stream_heartbeat_s,
    )


def _context_maker(settings: Settings, gateway: Gateway, following: Following, once: Once) -> MakeContext:
    limits = Limits(
        page_size_default=settings.page_size_default,
        page_size_max=settings.page_size_max,
        nodes_max=settings.nodes_max,
        bulk_items_max=settings.bulk_items_max,
    )

    def for_request(
        credentials: Credentials, request_id: str, traced: bool, asked_s: float | None
    ) -> ContextFactory:
        follow = following.for_caller(credentials)
        timeout_s = settings.operation_timeout_s
        if asked_s is not None:
            timeout_s = min(asked_s, settings.latest_deadline_s)

        def make(narrowing: Narrowing) -> Context:
            client = gateway.client(credentials, timeout_s=timeout_s)
            loaders = Loaders(client, narrowing, traced=traced)
            return Context(client, loaders, limits, request_id, follow, once)

        return make

    return for_request


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
                await stack.enter_async_context(_running(sandbox))
            if shared is not None:
                stack.push_async_callback(shared.aclose)
            stack.push_async_callback(gateway.aclose)
            stack.push_async_callback(following.aclose)
            stack.callback(stopping.say)
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
