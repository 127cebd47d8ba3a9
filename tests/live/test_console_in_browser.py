"""The GraphiQL page in a real Chromium, from a real server on a free port."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from ocpplab_graphql import Settings, create_app
from tests.live.browser import (
    BACKGROUND,
    HEADERS_EDITOR,
    QUERY_EDITOR,
    RESULT,
    line,
    serve,
    until_shown,
    visit,
    write,
)
from tests.live.processes import Command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("chromium"),
]

SHOWN = "Parking Bercy"  # the first location of the first CPO of the demo world


@dataclass
class ConsoleServer:
    url: str
    tokens: list[str | None] = field(default_factory=list)  # of each operation, in order


class Watched:
    """The service below a path prefix, with a note of each operation's token."""

    def __init__(self, service: FastAPI, path_prefix: str, tokens: list[str | None]) -> None:
        self._service = service
        self._prefixed = Starlette(routes=[Mount(path_prefix, service)])
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # a Mount passes it on to nobody
            await self._service(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] == "POST":
            self._tokens.append(dict(scope["headers"]).get(b"authorization", b"").decode() or None)
        await self._prefixed(scope, receive, send)


@pytest.fixture
def settings(database: Path) -> Settings:
    return Settings.load({}, database=str(database))


@pytest.fixture
def path_prefix() -> str:
    return ""


@pytest.fixture
def console_server(settings: Settings, path_prefix: str) -> Iterator[ConsoleServer]:
    """The service in this process, so that its settings and the tokens it is sent can be seen."""
    tokens: list[str | None] = []
    with serve(Watched(create_app(settings), path_prefix, tokens)) as port:
        yield ConsoleServer(f"http://127.0.0.1:{port}{path_prefix}/graphql", tokens)


@pytest.mark.parametrize("color_scheme", BACKGROUND)
async def test_the_first_query_shows_something_at_one_click(
    console_server: ConsoleServer, tmp_path: Path, color_scheme: str
) -> None:
    async with visit(console_server.url, color_scheme=color_scheme) as visited:
        page = visited.page
        await until_shown(page, QUERY_EDITOR, "query FirstLook")
        await until_shown(page, HEADERS_EDITOR, '"Authorization": "Bearer demo"')

        await page.get_by_role("button", name="Execute query").click()
        await until_shown(page, RESULT, SHOWN)

        await page.screenshot(path=tmp_path / f"console-{color_scheme}.png")
        # The schema is read before the headers tab exists: introspection needs no token.
        assert console_server.tokens == [None, "Bearer demo"]
        background = "getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor"
        assert await page.evaluate(background) == BACKGROUND[color_scheme]


async def test_the_documentation_shows_the_schema(console_server: ConsoleServer, tmp_path: Path) -> None:
    async with visit(console_server.url) as visited:
        await visited.page.get_by_role("button", name="Show Documentation Explorer").click()
        explorer = visited.page.locator(".graphiql-doc-explorer")
        await explorer.get_by_text("Query", exact=True).click()
        await expect(explorer).to_contain_text("Everything that can be read.")
        await expect(explorer).to_contain_text("The CPOs of the organization behind the token")
        await visited.page.screenshot(path=tmp_path / "documentation.png")


async def test_a_field_leads_to_its_documentation(console_server: ConsoleServer) -> None:
    async with visit(console_server.url) as visited:
        page = visited.page
        await until_shown(page, QUERY_EDITOR, "query FirstLook")
        field = page.locator(QUERY_EDITOR).get_by_text("namePrefix")
        await field.hover(modifiers=["Control"])
        await field.click(modifiers=["Control"])
        await expect(page.locator(".graphiql-doc-explorer")).to_contain_text(
            "Label put before every identity under this CPO."
        )


async def test_the_editor_completes_checks_lays_out_and_offers_its_commands(
    console_server: ConsoleServer, tmp_path: Path
) -> None:
    async with visit(console_server.url) as visited:
        page = visited.page
        await until_shown(page, QUERY_EDITOR, "query FirstLook")

        await write(page, QUERY_EDITOR, "{ cpos { nodes { cpoI } } }")
        for _ in range(6):
            await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("Control+Space")
        await expect(page.locator(".suggest-widget")).to_contain_text("cpoId")
        await page.screenshot(path=tmp_path / "completion.png")
        await page.keyboard.press("Enter")
        await until_shown(page, QUERY_EDITOR, "{ cpos { nodes { cpoId } } }")

        await write(page, QUERY_EDITOR, "{ cpos { nodes { nonsense } } } # kept")
        await expect(page.locator(".graphiql-query-editor .squiggly-error")).to_be_visible()
        await write(page, HEADERS_EDITOR, '{"Authorization":"Bearer org-x"} // kept')
        await page.get_by_role("button", name="Prettify query").click()
        await expect(line(page, QUERY_EDITOR, "    nodes {")).to_be_visible()
        await expect(line(page, HEADERS_EDITOR, '  "Authorization": "Bearer org-x"')).to_be_visible()
        await until_shown(page, QUERY_EDITOR, "# kept")
        await until_shown(page, HEADERS_EDITOR, "// kept")

        await page.locator(QUERY_EDITOR).click()
        await page.keyboard.press("F1")
        await page.keyboard.type("Run Op")
        await expect(page.locator(".quick-input-widget")).to_contain_text("Run Operation")


async def test_a_reload_keeps_the_query_and_forgets_the_token(console_server: ConsoleServer) -> None:
    async with visit(console_server.url) as visited:
        page = visited.page
        await until_shown(page, HEADERS_EDITOR, "Bearer demo")
        await write(page, QUERY_EDITOR, "{ cpos { totalCount } }")
        await write(page, HEADERS_EDITOR, '{"Authorization": "Bearer org-secret"}')
        await page.keyboard.press("Control+Enter")
        await until_shown(page, RESULT, "totalCount")
        assert console_server.tokens[-1] == "Bearer org-secret"
        stored = "JSON.stringify([localStorage, sessionStorage, document.cookie])"
        await page.wait_for_function(stored + ".includes('{ cpos { totalCount } }')")
        assert "org-secret" not in await page.evaluate(stored)

        await page.reload()
        await until_shown(page, QUERY_EDITOR, "{ cpos { totalCount } }")
        await until_shown(page, HEADERS_EDITOR, "Bearer demo")


async def test_the_history_keeps_the_query_and_leaves_the_token_alone(console_server: ConsoleServer) -> None:
    async with visit(console_server.url) as visited:
        page = visited.page
        await until_shown(page, HEADERS_EDITOR, "Bearer demo")
        await write(page, HEADERS_EDITOR, '{"Authorization": "Bearer org-secret"}')
        # Leaving a tab makes GraphiQL note what is in its editors.
        await page.get_by_role("button", name="New tab").click()
        await page.get_by_role("tab", name="FirstLook").click()
        await until_shown(page, HEADERS_EDITOR, "Bearer org-secret")
        await page.get_by_role("button", name="Execute query").click()
        await until_shown(page, RESULT, '"totalCount": 0')  # a new organization has nothing
        assert console_server.tokens[-1] == "Bearer org-secret"
        assert "org-secret" not in await page.evaluate("JSON.stringify(localStorage)")

        await write(page, QUERY_EDITOR, "{ cpos { totalCount } }")
        await page.get_by_role("button", name="Show History").click()
        await page.locator(".graphiql-history-item-label").click()
        await until_shown(page, QUERY_EDITOR, "query FirstLook")
        await until_shown(page, HEADERS_EDITOR, "Bearer org-secret")


async def test_each_new_tab_starts_with_the_token(console_server: ConsoleServer) -> None:
    async with visit(console_server.url) as visited:
        page = visited.page
        await until_shown(page, HEADERS_EDITOR, "Bearer demo")
        await page.get_by_role("button", name="New tab").click()
        await write(page, QUERY_EDITOR, "{ cpos { totalCount } }")
        await until_shown(page, HEADERS_EDITOR, "Bearer demo")
        await page.keyboard.press("Control+Enter")
        await until_shown(page, RESULT, "totalCount")
        assert console_server.tokens[-1] == "Bearer demo"


class TestWithARemoteGateway:
    @pytest.fixture
    def settings(self, database: Path, tmp_path: Path) -> Iterator[Settings]:
        arguments = ("sandbox", "--port", "0", "--database", str(database))
        with Command(*arguments, folder=tmp_path) as gateway:
            yield Settings.load({}, gateway_url=gateway.announced().url)

    async def test_a_place_for_the_token_is_prepared_and_filled_by_hand(
        self, console_server: ConsoleServer
    ) -> None:
        async with visit(console_server.url) as visited:
            page = visited.page
            await until_shown(page, HEADERS_EDITOR, '"Authorization": "Bearer "')
            await page.get_by_role("button", name="Execute query").click()
            await until_shown(page, RESULT, "UNAUTHENTICATED")
            assert console_server.tokens == [None, None]

            await write(page, HEADERS_EDITOR, '{"Authorization": "Bearer demo"}')
            await page.get_by_role("button", name="Execute query").click()
            await until_shown(page, RESULT, SHOWN)
            assert console_server.tokens[2:] == ["Bearer demo"]


class TestWithoutIntrospection:
    @pytest.fixture
    def settings(self, database: Path) -> Settings:
        return Settings.load({}, database=str(database), introspection=False)

    async def test_nothing_is_asked_until_somebody_asks(self, console_server: ConsoleServer) -> None:
        async with visit(console_server.url) as visited:
            await until_shown(visited.page, QUERY_EDITOR, "query FirstLook")
            await visited.page.get_by_role("button", name="Execute query").click()
            await until_shown(visited.page, RESULT, SHOWN)
            assert console_server.tokens == ["Bearer demo"]


class TestBehindAPathPrefix:
    @pytest.fixture
    def path_prefix(self) -> str:
        return "/charging"

    async def test_everything_is_below_the_prefix(self, console_server: ConsoleServer) -> None:
        async with visit(console_server.url) as visited:
            await visited.page.get_by_role("button", name="Execute query").click()
            await until_shown(visited.page, RESULT, SHOWN)
            assert console_server.url.endswith("/charging/graphql")
            assert visited.assets
            assert all(path.startswith("/charging/graphql/console/") for path in visited.assets)
