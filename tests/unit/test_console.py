"""What the server adds to the built page: addresses, settings, headers."""

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplab_graphql.http.console import BUILT_ASSETS, Console, ConsoleConfig, ConsoleNotBuiltError

SOURCES = Path(__file__).parents[2] / "console"
HASHED = "main.AbC_-123.js"
TEMPLATE = f"""<link rel="icon" href="__CONSOLE_ASSETS__/icon.svg" />
<script type="application/json" id="console-config">__CONSOLE_CONFIG__</script>
<script type="module" src="__CONSOLE_ASSETS__/{HASHED}"></script>"""


@pytest.fixture
def built_assets(tmp_path: Path) -> Path:
    folder = tmp_path / "console_assets"
    folder.mkdir()
    (folder / "index.html").write_text(TEMPLATE)
    (folder / HASHED).write_text("export {}")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "main.AbC_-123.js.map").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def console(built_assets: Path) -> Console:
    return Console(ConsoleConfig(token="demo"), built_assets)


def application(console: Console) -> Starlette:
    def page(request: Request) -> Response:
        return console.page(request.scope)

    return Starlette(routes=[Mount("/graphql/console", console.assets), Route("/graphql", page)])


def client(app: ASGIApp, root_path: str = "") -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app, root_path=root_path), base_url="http://facade")


@pytest.fixture
def browser(console: Console) -> AsyncClient:
    return client(application(console))


def config_in(page: str) -> Any:
    found = re.search(r'id="console-config">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def assets_in(page: str) -> list[str]:
    return [html.unescape(address) for address in re.findall(r'(?:href|src)="([^"]*)"', page)]


async def test_the_page_names_its_assets_and_carries_the_settings(browser: AsyncClient) -> None:
    page = await browser.get("/graphql")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert assets_in(page.text) == ["/graphql/console/icon.svg", f"/graphql/console/{HASHED}"]
    assert config_in(page.text) == {"token": "demo", "introspection": True}


async def test_the_page_is_neither_stored_nor_framed_and_loads_from_this_server_only(
    browser: AsyncClient,
) -> None:
    headers = (await browser.get("/graphql")).headers

    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Accept"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


async def test_a_setting_cannot_end_its_script(built_assets: Path) -> None:
    token = "</script><script>alert('&')</script><!--"
    console = Console(ConsoleConfig(token=token, introspection=False), built_assets)
    page = (await client(application(console)).get("/graphql")).text

    assert page.count("</script>") == TEMPLATE.count("</script>")
    assert "<!--" not in page
    assert config_in(page) == {"token": token, "introspection": False}


async def test_a_head_has_the_same_headers_and_no_body(browser: AsyncClient) -> None:
    for path in ("/graphql", f"/graphql/console/{HASHED}"):
        get, head = await browser.get(path), await browser.head(path)
        assert head.content == b""
        assert head.headers == get.headers
        assert head.headers["content-length"] == str(len(get.content))


async def test_a_hashed_file_is_kept_for_ever_and_the_others_are_asked_for_again(
    browser: AsyncClient,
) -> None:
    script = await browser.get(f"/graphql/console/{HASHED}")
    icon = await browser.get("/graphql/console/icon.svg")

    assert script.text == "export {}"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert icon.headers["content-type"] == "image/svg+xml"
    assert icon.headers["cache-control"] == "no-cache"


async def test_a_worker_gets_the_policy_with_its_script(browser: AsyncClient) -> None:
    page, script = await browser.get("/graphql"), await browser.get(f"/graphql/console/{HASHED}")

    assert script.headers["content-security-policy"] == page.headers["content-security-policy"]
    assert script.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("known", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
async def test_a_file_that_the_browser_has_is_not_sent_again(browser: AsyncClient, known: str) -> None:
    path = f"/graphql/console/{HASHED}"
    etag = (await browser.get(path)).headers["etag"]

    again = await browser.get(path, headers={"If-None-Match": known.format(etag=etag)})
    changed = await browser.get(path, headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/index.html",
        "/main.AbC_-123.js.map",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/icon.svg/",
        "/\x00",
    ],
)
async def test_only_built_files_are_served(console: Console, path: str) -> None:
    sent = await answer(console.assets, "/graphql/console" + path)

    assert sent[0]["status"] == 404
    body = json.loads(sent[1]["body"])
    assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND", "retryable": False}


async def answer(app: ASGIApp, path: str, root_path: str = "") -> list[Any]:
    """What an app sends for a path exactly as it is; a client would tidy it up first."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "root_path": root_path, "headers": []}
    await app(scope, receive, send)
    return sent


async def test_files_are_only_read(browser: AsyncClient) -> None:
    response = await browser.post(f"/graphql/console/{HASHED}")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_a_websocket_is_turned_away(console: Console) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await console.assets({"type": "websocket", "path": "/graphql/console/x"}, None, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1000}]


class TestThePathPrefix:
    """The same page, however the prefix `/charging` came about."""

    async def served(self, app: ASGIApp, url: str, root_path: str = "") -> None:
        async with client(app, root_path) as browser:
            page = (await browser.get(url)).text
            assert assets_in(page) == [
                "/charging/graphql/console/icon.svg",
                f"/charging/graphql/console/{HASHED}",
            ]

    async def test_of_an_application_around_this_one(self, console: Console) -> None:
        around = Starlette(routes=[Mount("/charging", application(console))])
        await self.served(around, "/charging/graphql")
        assert (await client(around).get(f"/charging/graphql/console/{HASHED}")).status_code == 200

    async def test_that_a_proxy_passes_on(self, console: Console) -> None:
        await self.served(application(console), "/charging/graphql", root_path="/charging")

    async def test_that_a_proxy_takes_away(self, console: Console) -> None:
        await self.served(application(console), "/graphql", root_path="/charging")
        sent = await answer(console.assets, f"/graphql/console/{HASHED}", root_path="/charging")
        assert sent[0]["status"] == 200

    async def test_with_graphql_in_a_mount_of_its_own(self, console: Console) -> None:
        async def page(scope: Scope, receive: Receive, send: Send) -> None:
            await console.page(scope)(scope, receive, send)

        inner = Starlette(routes=[Mount("/graphql", page)])
        await self.served(Starlette(routes=[Mount("/charging", inner)]), "/charging/graphql/")

    async def test_is_quoted(self, console: Console) -> None:
        page = (await client(application(console), root_path='/a"b c<').get("/graphql")).text
        assert assets_in(page)[0] == "/a%22b%20c%3C/graphql/console/icon.svg"


@pytest.mark.parametrize("missing", ["index.html", HASHED])
def test_a_page_that_is_not_built_says_how_to_build_it(built_assets: Path, missing: str) -> None:
    (built_assets / missing).unlink()

    with pytest.raises(ConsoleNotBuiltError, match=rf"{re.escape(missing)} is missing. `make console`"):
        Console(ConsoleConfig(), built_assets)


class TestTheBuiltPage:
    async def test_is_complete_and_every_hashed_file_is_kept_for_ever(self) -> None:
        async with client(application(Console(ConsoleConfig()))) as browser:
            page = (await browser.get("/graphql")).text
            assert {Path(address).suffix for address in assets_in(page)} == {".svg", ".js", ".css"}
            for path in BUILT_ASSETS.iterdir():
                if path.name in {"index.html", "licences.txt", "sources.sha256"}:
                    continue
                asset = await browser.get(f"/graphql/console/{path.name}")
                assert (asset.status_code, asset.headers["cache-control"]) == (
                    200,
                    "public, max-age=31536000, immutable",
                ), path.name

    @pytest.mark.skipif(not SOURCES.is_dir(), reason="an installed package comes without console/")
    def test_is_built_from_the_sources_beside_it(self) -> None:
        digest = hashlib.sha256()
        for name in sorted(
            path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*") if path.is_file()
        ):
            if not name.startswith("node_modules/"):
                digest.update(f"{name}\0".encode() + (SOURCES / name).read_bytes() + b"\0")

        built_from = (BUILT_ASSETS / "sources.sha256").read_text().strip()
        assert built_from == digest.hexdigest(), "console/ has changed: `make console`, and commit the build"

    def test_names_the_licences_of_what_it_contains(self) -> None:
        licences = (BUILT_ASSETS / "licences.txt").read_text(encoding="utf-8")
        for package in ("graphiql", "graphiql-explorer", "graphql", "graphql-ws", "monaco-editor", "react"):
            assert re.search(rf"^{package} \d[\w.-]* \(MIT\)$", licences, re.MULTILINE), package

    def test_runs_no_script_that_stands_in_the_page(self) -> None:
        template = (BUILT_ASSETS / "index.html").read_text(encoding="utf-8")
        for attributes in re.findall(r"<script([^>]*)>", template):
            assert 'src="__CONSOLE_ASSETS__/' in attributes or 'type="application/json"' in attributes
        assert not re.search(r"\son\w+=", template)
