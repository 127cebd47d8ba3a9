"""
Strawberry as its documentation shows it: typed classes, `GraphQLRouter`, httpx, aiodataloader. The part of
`schema.graphql` that the workloads use, with the same names, ids, cursors and nullability.

    python -m bench.peers.python.tutorial GATEWAY_URL
"""

import asyncio
import socket
import sys
from datetime import datetime
from hashlib import blake2b
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import strawberry
import uvicorn
from aiodataloader import DataLoader
from fastapi import FastAPI, Request
from strawberry import ID
from strawberry.fastapi import GraphQLRouter
from strawberry.schema.config import StrawberryConfig

GATEWAY_URL = sys.argv[1]
client = httpx.AsyncClient(base_url=GATEWAY_URL)

DATE_TIME = strawberry.scalar(
    name="DateTime",
    serialize=lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    parse_value=datetime.fromisoformat,
)


def global_id(type_name: str, *key: str) -> str:
    return ":".join([type_name, *(quote(part, safe="~") for part in key)])


class Cursors:
    def __init__(self, *name: str) -> None:
        digest = blake2b(repr(name).encode(), digest_size=6).digest()
        self.prefix = f"1{digest[:4].hex()}."
        self.seed = int.from_bytes(digest[4:], "big")

    def at(self, position: int) -> str:
        return f"{self.prefix}{position}.{(position * 40503 ^ self.seed) & 0xFFFF:04x}"


class Gateway:
    """What one request reads, with its caller's token."""

    def __init__(self, authorization: str | None) -> None:
        self.headers = {"Authorization": authorization} if authorization else {}
        self.locations = LocationLoader(self)
        self.pages = PageLoader(self)

    async def get(self, path: str, **params: Any) -> Any:
        response = await client.get(path, params=params or None, headers=self.headers)
        if response.status_code == 404:
            return None
        response.raise_for_status()
        return response.json()


class LocationLoader(DataLoader):
    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway = gateway

    async def batch_load_fn(self, keys: list[tuple[str, str]]) -> list[Any]:
        reads = (self.gateway.get(f"/ocpi/cpos/{cpo_id}/locations/{own_id}") for cpo_id, own_id in keys)
        return await asyncio.gather(*reads)


class PageLoader(DataLoader):
    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway = gateway

    async def batch_load_fn(self, keys: list[tuple[str, int]]) -> list[Any]:
        return await asyncio.gather(*(self.gateway.get(path, page=1, limit=limit) for path, limit in keys))


T = TypeVar("T")


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T | None


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T | None]
    page_info: PageInfo
    total_count: int | None

    @classmethod
    def of(cls, nodes: list[T], total: int, *name: str) -> "Connection[T]":
        cursors = Cursors(*name)
        edges = [Edge(cursor=cursors.at(position), node=node) for position, node in enumerate(nodes)]
        info = PageInfo(
            has_next_page=len(nodes) < total,
            has_previous_page=False,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, nodes=list(nodes), page_info=info, total_count=total)


@strawberry.type
class Coordinates:
    latitude: float
    longitude: float


@strawberry.type
class Charger:
    id: ID
    charger_id: ID
    identity: str | None
    connector_type: str | None
    ocpp_version: str | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Charger":
        return cls(
            id=ID(global_id("Charger", row["id"])),
            charger_id=ID(row["id"]),
            identity=row["identity"],
            connector_type=row.get("connector_type"),
            ocpp_version=row.get("ocpp_version"),
        )


@strawberry.type
class LocationChargerEdge:
    cursor: str
    node: Charger | None


@strawberry.type
class LocationChargerConnection:
    edges: list[LocationChargerEdge]
    nodes: list[Charger | None]
    total_count: int | None


@strawberry.type
class Location:
    cpo_id: strawberry.Private[str]
    rows: strawberry.Private[list[dict[str, Any]]]
    id: ID
    location_id: ID
    name: str | None
    address: str | None
    city: str | None
    country: str | None
    coordinates: Coordinates | None
    timezone: str | None
    is_public: bool | None
    created_at: datetime | None

    @classmethod
    def of(cls, cpo_id: str, row: dict[str, Any]) -> "Location":
        coordinates, created_at = row.get("coordinates"), row.get("created_at")
        return cls(
            cpo_id=cpo_id,
            rows=row.get("chargers") or [],
            id=ID(global_id("Location", cpo_id, row["id"])),
            location_id=ID(row["id"]),
            name=row.get("name"),
            address=row.get("address"),
            city=row.get("city"),
            country=row.get("country"),
            coordinates=Coordinates(**coordinates) if coordinates else None,
            timezone=row.get("timezone"),
            is_public=row.get("public"),
            created_at=datetime.fromisoformat(created_at) if created_at else None,
        )

    @strawberry.field
    def chargers(self, first: int = 50) -> LocationChargerConnection | None:
        cursors = Cursors("Location.chargers", self.cpo_id, self.location_id)
        nodes = [Charger.of(row) for row in self.rows[:first]]
        edges = [LocationChargerEdge(cursor=cursors.at(n), node=node) for n, node in enumerate(nodes)]
        return LocationChargerConnection(edges=edges, nodes=list(nodes), total_count=len(self.rows))


@strawberry.type
class CPO:
    id: ID
    cpo_id: ID
    name_prefix: str | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "CPO":
        cpo_id = row["cpo_id"]
        return cls(id=ID(global_id("CPO", cpo_id)), cpo_id=ID(cpo_id), name_prefix=row.get("name_prefix"))

    @strawberry.field
    async def locations(self, info: strawberry.Info, first: int = 50) -> Connection[Location] | None:
        page = await info.context["gateway"].pages.load((f"/ocpi/cpos/{self.cpo_id}/locations", first))
        nodes = [Location.of(self.cpo_id, row) for row in page["data"]]
        return Connection.of(nodes, page["total"], "Locations", self.cpo_id)


@strawberry.type
class Query:
    @strawberry.field
    async def cpos(self, info: strawberry.Info, first: int = 50) -> Connection[CPO] | None:
        page = await info.context["gateway"].pages.load(("/ocpi/cpos", first))
        return Connection.of([CPO.of(row) for row in page["data"]], page["total"], "CPOs")

    @strawberry.field
    async def cpo(self, cpo_id: ID) -> CPO | None:
        # Not read: what the workloads select below it proves that it exists.
        return CPO.of({"cpo_id": cpo_id})

    @strawberry.field
    async def location(self, info: strawberry.Info, cpo_id: ID, location_id: ID) -> Location | None:
        row = await info.context["gateway"].locations.load((cpo_id, location_id))
        return Location.of(cpo_id, row) if row else None


async def context(request: Request) -> dict[str, Any]:
    return {"gateway": Gateway(request.headers.get("authorization"))}


schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={datetime: DATE_TIME}))
app = FastAPI()
app.include_router(GraphQLRouter(schema, context_getter=context), prefix="/graphql")


def main() -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(2048)
    print(f"listening on http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning")
    asyncio.run(uvicorn.Server(config).serve(sockets=[bound]))


if __name__ == "__main__":
    main()
