"""
The GraphiQL page and its assets.

Its sources are in `console/`; `make console` writes `console_assets/`, which ships inside the package.
Here is only what a server adds: where the assets are, what GraphiQL needs to know about this server, and
the headers that keep the page on this machine. Whether a browser asks for the page or a client for an
answer is `graphql.py`'s decision.
"""

import hashlib
import html
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

BUILT_ASSETS = Path(__file__).parent / "console_assets"

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # Monaco writes its theme, the widths of its columns and the look of each decoration into <style> elements
    # while it runs, and takes no nonce for them. Scripts have no such exception.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",  # Monaco's wavy lines are inlined pictures
    "font-src": "'self'",
    "connect-src": "'self'",  # the WebSocket of this origin included
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{directive} {sources}" for directive, sources in _POLICY.items())

# A worker obeys the policy that came with its own script, so the assets carry these as well.
_SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

# The names that vite.config.ts gives to what it hashes: `index.Cuxmz_Gs.css`.
_HASHED_NAME = re.compile(r".+\.[\w-]{8}\.\w+")
_ASSETS_PLACEHOLDER = "__CONSOLE_ASSETS__"
_CONFIG_PLACEHOLDER = "__CONSOLE_CONFIG__"


class ConsoleNotBuiltError(RuntimeError):
    """The package was installed from sources without the built page, or with half of it."""


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """
    What the page is told about this server.

    Attributes:
        graphql_path, assets_path: where the page and `Console.assets` are served, without the path prefix of
            a proxy or of an application around this one.
        token: a bearer token to fill in, which everybody who opens the page can read: the sandbox's `demo`.
            None leaves the place for it empty.
        introspection: False tells GraphiQL not to ask for a schema that it would not get.
    """

    graphql_path: str = "/graphql"
    assets_path: str = "/graphql/console"
    token: str | None = None
    introspection: bool = True


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file, with all that its answer needs."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str


class Console:
    """
    The page, to be answered where GraphQL is served, and the ASGI app of its assets.

    Raises:
        ConsoleNotBuiltError: at construction, when a built file is missing.
    """

    def __init__(self, config: ConsoleConfig, built_assets: Path = BUILT_ASSETS) -> None:
        self._config = config
        self._template = _template(built_assets)
        # Six megabytes, read once: a look-up by name then can reach no other file of this machine.
        self._assets = {
            path.name: _asset(path)
            for path in sorted(built_assets.iterdir())
            if path.is_file() and path.suffix in _MEDIA_TYPES
        }
        if (
            missing := set(re.findall(rf"{_ASSETS_PLACEHOLDER}/([^\"]+)", self._template))
            - self._assets.keys()
        ):
            raise ConsoleNotBuiltError(_not_built(built_assets / min(missing)))

    def page(self, scope: Scope) -> Response:
        """
        Answer the GraphiQL page, for a GET or HEAD whose `Accept` prefers HTML.

        GraphiQL sends its operations to the address at which the browser found the page.
        """
        prefix = _prefix(scope, self._config.graphql_path)
        assets = "/" + (prefix + self._config.assets_path).strip("/")
        page = self._template.replace(_ASSETS_PLACEHOLDER, html.escape(quote(assets))).replace(
            _CONFIG_PLACEHOLDER, _config_json(self._config)
        )
        headers = _SECURITY_HEADERS | {"Cache-Control": "no-store", "Vary": "Accept"}
        return _response(scope, 200, page.encode(), "text/html; charset=utf-8", headers)

    async def assets(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the built files: an ASGI app, mounted at `assets_path` or called with any path below it."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        await self._asset_response(scope)(scope, receive, send)

    def _asset_response(self, scope: Scope) -> Response:
        if scope["method"] not in {"GET", "HEAD"}:
            message = f"The console's files are read with GET or HEAD, not {scope['method']}."
            return _error(scope, 405, "METHOD_NOT_ALLOWED", message, {"Allow": "GET, HEAD"})
        path = _below(_below(scope["path"], scope.get("root_path", "")), self._config.assets_path)
        asset = self._assets.get(path.removeprefix("/"))
        if asset is None:
            # A page from before an upgrade asks for files that are gone.
            return _error(scope, 404, "NOT_FOUND", "The console has no such file. Reload the page.", {})
        headers = _SECURITY_HEADERS | {"Cache-Control": asset.cache_control, "ETag": asset.etag}
        if _matches(asset.etag, Headers(scope=scope).get("if-none-match")):
            return Response(status_code=304, headers=headers)
        return _response(scope, 200, asset.body, asset.media_type, headers)


def _template(folder: Path) -> str:
    path = folder / "index.html"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConsoleNotBuiltError(_not_built(path)) from error


def _not_built(missing: Path) -> str:
    return f"The GraphiQL page is not built: {missing} is missing. `make console` builds it (needs Node.js)."


@cache
def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(
        body=body,
        media_type=_MEDIA_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        cache_control=(
            "public, max-age=31536000, immutable" if _HASHED_NAME.fullmatch(path.name) else "no-cache"
        ),
    )


def _config_json(config: ConsoleConfig) -> str:
    """JSON that cannot end its `<script>` early: what HTML could take for markup is written as an escape."""
    facts = {"token": config.token, "introspection": config.introspection}
    return json.dumps(facts).replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _prefix(scope: Scope, graphql_path: str) -> str:
    """
    What stands before `graphql_path` in the address that the browser sees.

    `root_path` alone does not tell: each Mount on the way adds to it, that of `graphql_path` too. And a proxy
    may have taken it off `path`, or not.
    """
    root_path: str = scope.get("root_path", "")
    path: str = scope["path"]
    seen = (path if path.startswith(root_path) else root_path + path).rstrip("/")
    return seen.removesuffix(graphql_path) if seen.endswith(graphql_path) else root_path


def _below(path: str, prefix: str) -> str:
    """What remains of a path below a prefix; the whole path when it lies elsewhere."""
    rest = path.removeprefix(prefix.rstrip("/"))
    return rest if rest.startswith("/") else path


def _matches(etag: str, if_none_match: str | None) -> bool:
    """Compare weakly, as RFC 9110 13.1.2 has it for `If-None-Match`."""
    if if_none_match is None:
        return False
    candidates = [candidate.strip() for candidate in if_none_match.split(",")]
    return "*" in candidates or etag in (candidate.removeprefix("W/") for candidate in candidates)


def _error(scope: Scope, status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code, "retryable": False}}]}
    headers = _SECURITY_HEADERS | {"Cache-Control": "no-store"} | headers
    return _response(scope, status, json.dumps(body).encode(), "application/json", headers)


def _response(scope: Scope, status: int, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """A response whose body stays at home when only its headers were asked for."""
    headers = headers | {"Content-Type": media_type, "Content-Length": str(len(body))}
    return Response(b"" if scope["method"] == "HEAD" else body, status, headers)
