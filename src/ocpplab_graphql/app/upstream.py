"""The way out: the transport to the gateway, and the bounds of the way there."""

from starlette.types import ASGIApp

from ocpplab_graphql.gateway.breaker import BreakerLimits
from ocpplab_graphql.gateway.client import Gateway
from ocpplab_graphql.gateway.retry import RetryPolicy
from ocpplab_graphql.gateway.transport import AsgiTransport, Http1Transport, Transport
from ocpplab_graphql.gateway.way import WayLimits
from ocpplab_graphql.settings import Settings

_EMBEDDED_URL = "http://sandbox"


def gateway_of(settings: Settings, transport: Transport, sandbox_url: str | None) -> Gateway:
    """The gateway, reached by this transport."""
    return Gateway(
        sandbox_url or str(settings.gateway_url or _EMBEDDED_URL),
        transport,
        max_concurrency=settings.gateway_max_concurrency,
        limits=_way_limits(settings),
        shares_reads=settings.gateway_shares_reads,
    )


def transport_of(settings: Settings, sandbox: ASGIApp | None) -> Transport:
    """How to reach the gateway; a sandbox inside is called in the process."""
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
