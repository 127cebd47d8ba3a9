"""
The floor: our server and our HTTP client without GraphQL. It reads what a workload needs and joins the bytes.

    python -m bench.peers.python.floor GATEWAY_URL
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.types import Receive, Scope, Send

from bench.peers import world
from ocpplab_graphql.app.upstream import transport_of
from ocpplab_graphql.sandbox import serving
from ocpplab_graphql.settings import Settings


class _Listed(msgspec.Struct):
    cpo_id: str


class _Page(msgspec.Struct):
    data: list[_Listed]


class Floor:
    """An ASGI application that serves three paths, by POST as the others are asked."""

    def __init__(self, gateway_url: str) -> None:
        self._gateway_url = gateway_url
        settings = Settings.load({}, gateway_url=gateway_url)
        self._transport = transport_of(settings, None)
        self.router = self  # what a server enters and leaves

    @asynccontextmanager
    async def lifespan_context(self, _app: object) -> AsyncIterator[None]:
        yield
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = {k.decode(): v.decode() for k, v in scope["headers"] if k == b"authorization"}
        kind, first, second = scope["path"].strip("/").split("/")
        parts = await self._read(kind, first, second, headers)
        body = b'{"data":[' + b",".join(parts) + b"]}"
        described = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": described})
        await send({"type": "http.response.body", "body": body})

    async def _read(self, kind: str, first: str, second: str, headers: dict[str, str]) -> list[bytes]:
        if kind == "page":
            return [await self._get(f"/ocpi/cpos/{first}/locations?page=1&limit={second}", headers)]
        if kind == "nested":
            cpos = await self._get(f"/ocpi/cpos?page=1&limit={first}", headers)
            listed = msgspec.json.decode(cpos, type=_Page).data
            targets = [f"/ocpi/cpos/{cpo.cpo_id}/locations?page=1&limit={second}" for cpo in listed]
        else:
            owners = world.cpo_ids()[: int(first)]
            targets = [
                f"/ocpi/cpos/{cpo_id}/locations/{world.location_id(cpo_id, int(second))}" for cpo_id in owners
            ]
        return list(await asyncio.gather(*(self._get(target, headers) for target in targets)))

    async def _get(self, target: str, headers: dict[str, str]) -> bytes:
        return (await self._transport.send("GET", self._gateway_url + target, headers, None)).body


def main() -> None:
    bound = serving.listening_socket("127.0.0.1", 0)
    serving.serve(Floor(sys.argv[1]), bound, lambda base: print(f"listening on {base}"))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
