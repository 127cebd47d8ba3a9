"""What several of the live tests start."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.live import browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[None]:
    """One Chromium for the tests of a module, which share its event loop; each visit has a profile of its own."""
    async with browser.chromium():
        yield
