"""A real Chromium before a real server on a free port, and what must not happen there."""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    WebSocket,
    async_playwright,
    expect,
)
from starlette.types import ASGIApp

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever the page might ask of another machine fails instead of leaving this one.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
QUERY_EDITOR = ".graphiql-query-editor .monaco-editor"
HEADERS_EDITOR = ".graphiql-editor-tool .monaco-editor:visible"
RESULT = ".result-window"
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(33, 42, 59)"}


@contextmanager
def serve(app: ASGIApp) -> Iterator[int]:
    """Serve on a free port of this machine, in a thread, until the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, lifespan="on", ws="websockets-sansio", log_level="warning")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started and time.monotonic() < deadline:
                thread.join(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


@dataclass
class Visit:
    """A page, and everything about it that must not happen."""

    page: Page
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)

    def on_request(self, request: Request | WebSocket) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.outside.append(request.url)

    def on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")
        if "/graphql/console/" in response.url:
            self.assets.append(urlsplit(response.url).path)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:  # violations of the policy are errors here
            self.complaints.append(message.text)


_launched: list[Browser] = []


@asynccontextmanager
async def chromium() -> AsyncIterator[None]:
    """Within it there is a Chromium for `visit`: to launch one takes longer than most visits."""
    if CHROMIUM is None:
        pytest.skip("No Chromium here: install it, or name it in CHROMIUM.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        _launched.append(browser)
        try:
            yield
        finally:
            _launched.remove(browser)
            await browser.close()


@asynccontextmanager
async def visit(url: str, *, color_scheme: Any = "light") -> AsyncIterator[Visit]:
    """Open the page in a profile of its own, and at the end hold it to account."""
    (browser,) = _launched
    profile = await browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=color_scheme, reduced_motion="reduce"
    )
    async with profile:
        page = await profile.new_page()
        visit = Visit(page)
        page.on("request", visit.on_request)
        page.on("websocket", visit.on_request)
        page.on("response", visit.on_response)
        page.on("console", visit.on_console)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        await page.goto(url)
        await expect(page.locator(QUERY_EDITOR)).to_be_visible()
        yield visit
        assert visit.outside == []
        assert visit.complaints == []


async def until_shown(page: Page, selector: str, text: str) -> None:
    """Wait for a text on the screen. Monaco draws the visible lines only, one element each."""
    await expect(page.locator(selector).first).to_contain_text(text, timeout=10_000)


def line(page: Page, selector: str, text: str) -> Locator:
    """One whole line of an editor, its indentation included; Monaco's spaces are non-breaking."""
    whole = re.escape(text).replace(r"\ ", r"\s")
    return page.locator(f"{selector} .view-line").filter(has_text=re.compile(f"^{whole}$"))


async def write(page: Page, selector: str, text: str) -> None:
    """Replace what is in an editor."""
    await page.locator(selector).first.click()
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Delete")  # or the first bracket would enclose what is there
    await page.keyboard.insert_text(text)
