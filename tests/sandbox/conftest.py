"""A sandbox on a database of its own, spoken to over HTTP."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ocpplab_graphql.sandbox import SandboxConfig, create_sandbox

Gateway = httpx.AsyncClient
Running = Callable[[SandboxConfig], AbstractAsyncContextManager[Gateway]]


@asynccontextmanager
async def _running(config: SandboxConfig) -> AsyncIterator[Gateway]:
    app = create_sandbox(config)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": "Bearer demo"}
        async with Gateway(transport=transport, base_url="http://sandbox.test", headers=headers) as client:
            yield client


@pytest.fixture
def running() -> Running:
    """Run a sandbox inside this process."""
    return _running


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo world, written once; every test gets a copy."""
    path = tmp_path_factory.mktemp("seed") / "sandbox.db"

    async def write() -> None:
        async with _running(SandboxConfig(str(path))):
            pass

    asyncio.run(write())
    return path


@pytest.fixture
def database(tmp_path: Path, seeded_database: Path) -> str:
    return str(shutil.copy(seeded_database, tmp_path / "sandbox.db"))


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[Gateway]:
    async with _running(SandboxConfig(database)) as client:
        yield client


@pytest.fixture
def finished() -> Callable[..., Awaitable[dict[str, Any]]]:
    """Follow a bulk job to its end."""

    async def follow(gateway: Gateway, status_url: str) -> dict[str, Any]:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            job: dict[str, Any] = (await gateway.get(status_url)).json()
            if job["status"] in ("READY", "FAILED"):
                return job
            await asyncio.sleep(0.01)
        raise AssertionError(f"{status_url} did not finish")

    return follow


@pytest.fixture
def item() -> Callable[..., dict[str, Any]]:
    """A raw bulk item without chargers."""

    def raw(name: str = "Hub", **more: object) -> dict[str, Any]:
        return {
            "name": name,
            "address": "14 Rue de la Paix",
            "city": "Paris",
            "country": "FR",
            "coordinates": {"latitude": 48.8566, "longitude": 2.3522},
            **more,
        }

    return raw
