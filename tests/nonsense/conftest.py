"""The whole product before a gateway on a raw socket, over each HTTP client there is."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, get_args

import httpx
import pytest

from bench.facade.raw_gateway import RawGateway
from ocpplab_graphql.app import create_app
from ocpplab_graphql.settings import Settings

# A transport that the setting offers is tested; there is no list to add it to.
TRANSPORTS = get_args(Settings.model_fields["gateway_transport"].annotation)
MAX_BYTES = 1_000_000


@asynccontextmanager
async def product(url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service before a gateway at this address, as a client sees it."""
    given = {"gateway_max_body_bytes": MAX_BYTES, "console": False, "gateway_retry_base_s": 0.0, **settings}
    async with AsyncExitStack() as stack:
        app = create_app(Settings.load({}, gateway_url=url, **given))
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app=app)
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://facade", timeout=60)
        )


async def ask(
    client: httpx.AsyncClient,
    query: str,
    variables: dict[str, Any] | None = None,
    token: str = "demo",  # noqa: S107
) -> dict[str, Any]:
    """The whole answer to an operation."""
    response = await client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
    )
    assert response.status_code == 200, response.text
    return response.json()  # type: ignore[no-any-return]


def codes(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """(code, path) of each error."""
    return [(error["extensions"]["code"], error.get("path")) for error in body.get("errors", [])]


@pytest.fixture
async def gateway() -> AsyncIterator[RawGateway]:
    async with RawGateway() as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an HTTP client, which meets no proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return str(request.param)


@pytest.fixture
async def client(gateway: RawGateway, transport: str) -> AsyncIterator[httpx.AsyncClient]:
    async with product(gateway.url, gateway_transport=transport) as one:
        yield one
