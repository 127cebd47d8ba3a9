"""
The adapters over libraries: aiohttp (about 0.07 ms of CPU for a call, and it loses no connection when a
caller hangs up), and httpx for everything httpx can carry.
Neither follows redirects, keeps cookies, or reads more than it was told to, compressed or not.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import aiohttp
import httpx
from yarl import URL

from ocpplab_graphql.gateway.transport.body import ACCEPTED
from ocpplab_graphql.gateway.transport.body import body as body_in
from ocpplab_graphql.gateway.transport.port import Reply, TransportFailed


class _Connector(aiohttp.TCPConnector):
    """
    aiohttp's pool, without connections over which something came that nobody had asked for.

    aiohttp would take it for the answer to the next request, which is another caller's.
    """

    async def connect(self, req: Any, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:  # noqa: ASYNC109  # aiohttp's own signature
        """
        A connection that is silent.

        Raises:
            TransportFailed: there is none; nothing was sent.
        """
        for _ in range(self.limit + 1):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        raise TransportFailed("no connection (it speaks before it is asked)", sent=False)


class AiohttpTransport:
    """HTTP/1.1 over aiohttp's connection pool."""

    def __init__(self, *, connections: int, max_body_bytes: int) -> None:
        self._connections = connections
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        # Not in __init__: aiohttp wants the running loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
            # aiohttp would send a GET or DELETE a second time, by itself, when a kept connection breaks: a write
            # is sent once at most, and what is read again is counted.
            self._session._retry_connection = False
        return self._session

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See Transport."""
        try:
            async with self._opened().request(
                method, URL(url, encoded=True), headers=_asking(headers), data=body, allow_redirects=False
            ) as response:
                encoding = response.headers.get("Content-Encoding", "")
                content = await _body(response.content.iter_any(), encoding, self._max_body_bytes)
                return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, content)
        except aiohttp.ClientConnectorError as error:
            raise TransportFailed(f"no connection ({type(error).__name__})", sent=False) from error
        except aiohttp.ClientPayloadError as error:
            raise TransportFailed("connection lost while its answer came", sent=True) from error
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise TransportFailed(f"connection lost ({type(error).__name__})", sent=True) from error

    async def aclose(self) -> None:
        """See Transport."""
        if self._session is not None:
            await self._session.close()


class HttpxTransport:
    """
    Anything an httpx client can carry: an ASGI application in this process, or a proxy.

    A connection serves one call: whatever came behind a reply, httpx would take for the answer to the next call,
    which is another caller's, and there is no way to ask it whether something did.
    """

    def __init__(self, client: httpx.AsyncClient, *, max_body_bytes: int) -> None:
        self._client = client
        self._max_body_bytes = max_body_bytes

    @classmethod
    def in_process(cls, app: httpx.ASGITransport, *, max_body_bytes: int) -> "HttpxTransport":
        """An ASGI application, called without a socket. Its lifespan is the caller's business."""
        return cls(_client(transport=app), max_body_bytes=max_body_bytes)

    @classmethod
    def remote(cls, *, connections: int, max_body_bytes: int) -> "HttpxTransport":
        """A gateway over the network, through the proxy that the environment names, if any."""
        limits = httpx.Limits(max_connections=connections)
        return cls(_client(limits=limits), max_body_bytes=max_body_bytes)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See Transport."""
        try:
            asking = _asking(headers) | {"Connection": "close"}
            async with self._client.stream(method, url, headers=asking, content=body) as response:
                encoding = response.headers.get("Content-Encoding", "")
                # Not aiter_bytes: it inflates a whole chunk at once, however large that becomes.
                content = await _body(response.aiter_raw(), encoding, self._max_body_bytes)
                return Reply(response.status_code, dict(response.headers), content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TransportFailed(f"no connection ({type(error).__name__})", sent=False) from error
        except (httpx.HTTPError, OSError) as error:
            raise TransportFailed(f"connection lost ({type(error).__name__})", sent=True) from error

    async def aclose(self) -> None:
        """See Transport."""
        await self._client.aclose()


def _asking(headers: Mapping[str, str]) -> dict[str, str]:
    return {"Accept-Encoding": ACCEPTED, **headers}


def _client(**way: Any) -> httpx.AsyncClient:
    # One client serves every caller: a cookie that it kept would go out with somebody else's token. Clearing
    # the jar after each reply is too late, because cookies are kept when the head of a reply is there.
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    # Deadlines are the gateway client's business.
    return httpx.AsyncClient(cookies=cookies, follow_redirects=False, timeout=None, **way)  # noqa: S113


async def _body(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """
    The whole body, decompressed, up to `limit` bytes; it is never larger in memory on its way there.

    Raises:
        GatewayInvalidResponse: there are more, compressed or not, or it cannot be decompressed.
    """
    coming = body_in(encoding, limit=limit)
    async for chunk in chunks:
        coming.add(chunk)
    return coming.whole()
