# ruff: noqa: ISC004  # operations read better in long lines
"""
Many tenants at once: does anything of one ever reach another?

A gateway answers each token with a world of its own, in which every text and number is that tenant's, while all
ids are the same. Each tenant asks for random things at random moments, by POST, by GET with validators, by
subscription, and with an idempotency key that all of them use; the gateway answers late, fails, cuts and says
nothing. Nothing that a tenant gets may hold the mark of another, and no value may differ from what that tenant is
told when it is alone.

    python -m bench.facade.tenants --values 2000000
    python -m bench.facade.tenants --seconds 60 --transport httpx --redis unix:///tmp/redis.sock
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from bench.facade.raw_gateway import Asked, Lie, RawGateway, http
from bench.facade.world import JOB, World
from ocpplab_graphql.app import create_app
from ocpplab_graphql.settings import Settings

QUERIES = (
    "{ cpos { totalCount nodes { id namePrefix templateVersion party { partyId } topology { chargerCount } } } }",
    """{ cpos { nodes { namePrefix locations { nodes { id name city coordinates { latitude longitude }
      chargers { edges { chargePointId evses { evseUid } node { identity name maxChargingPowerW } } } } } } } }""",
    '{ cpo(cpoId: "101") { namePrefix provisioning { workflowRunId error { message } } reportMarkdown } }',
    '{ location(cpoId: "102", locationId: "loc-1") { name address ownerName chargers { nodes { model imageUrl } } } }',
    '{ chargers { nodes { id identity vendorName numberOfConnectors logs(first: 2) { nodes { action message } } } } }',
    "{ cpoTemplates { slug description version } locationTemplates { slug chargerGroups { brand nominalPowerW } } }",
    f'{{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ workflowRunId failures {{ name }} locations {{ nodes {{ name }} }} }} }}',
    '{ nodes(ids: ["CPO:101", "CPO:102", "CPO:103", "Location:101:loc-2", "Charger:dep-101-0-0"]) { id ... on CPO { '
    "namePrefix } ... on Location { name } ... on Charger { name } } }",
)  # fmt: skip
CREATE = """mutation { bulkCreateLocations(input: {cpoId: "101", idempotencyKey: "the same for all", locations: [{
  fromTemplate: {template: "hub-0"}}]}) { job { id workflowRunId error { message } } userErrors { code message } } }"""
FOLLOW = f"""subscription {{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ status workflowRunId
  error {{ message }} failures {{ name }} }} }}"""
_MARK = re.compile(r"tenant-(\d+)-mark")


def token_of(tenant: int) -> str:
    """The token of a tenant; no text of the world holds it."""
    return f"token-of-{tenant}-s3cr3t"


def world_of(token: str) -> World:
    """The world that a token sees."""
    found = re.fullmatch(r"token-of-(\d+)-s3cr3t", token)
    tenant = int(found[1]) if found else -1
    return World(f"tenant-{tenant}-mark", number=(tenant + 1) * 1000, locations=12, chargers=3)


@dataclass
class Figures:
    """
    What was tried, and what was wrong.

    Attributes:
        values: leaves of answers that were compared.
        nulls: of them, those that were null because the gateway failed.
    """

    answers: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    values: int = 0
    nulls: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"answers                     {dict(self.answers)}",
            f"values compared             {self.values}",
            f"nulls of a failing gateway  {self.nulls}",
            f"errors by code              {dict(self.codes)}",
            f"foreign or wrong values     {len(self.wrong)}",
        ]
        return "\n".join([*lines, *self.wrong[:5]])


class Faults:
    """What the gateway does in place of answering, and how late it is; by chance, and none while it is calm."""

    def __init__(self, chance: random.Random, share: float, latency_s: float) -> None:
        self._chance = chance
        self._share = share
        self._latency_s = latency_s
        self.calm = True

    async def __call__(self, asked: Asked) -> Lie | None:
        if self.calm:
            return None
        await asyncio.sleep(self._chance.random() * self._latency_s)
        if self._chance.random() >= self._share:
            return None
        mark = world_of(asked.token).mark
        foul = http(
            json.dumps({"detail": mark}).encode(), status=self._chance.choice(["500 F", "503 N", "429 S"])
        )
        cut = http(json.dumps({"data": [{"cpo_id": "101", "name_prefix": mark}]}).encode(), length=10_000)
        lies: list[Lie] = [b"", foul, cut, http(b"<html>" + mark.encode())]
        return self._chance.choice([*lies * 5, _silence])


async def _silence(_reader: Any, _writer: Any) -> None:
    await asyncio.sleep(4)


class Tenants:
    """So many tenants before one service."""

    def __init__(self, url: str, faults: Faults, count: int, seed: int) -> None:
        self._url = url
        self._faults = faults
        self._count = count
        self._chance = random.Random(seed)
        self.figures = Figures()
        self._truth: dict[tuple[int, str], Any] = {}
        self._etags: dict[str, str] = {}
        self._until = lambda: False

    async def run(self, *, values: int, seconds: float) -> Figures:
        """Until so many values were compared, or so many seconds went by; 0 is no end."""
        limits = httpx.Limits(max_connections=self._count * 2)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, limits=limits) as client:
            self._client = client
            for tenant in range(self._count):
                for query in QUERIES:
                    self._truth[tenant, query] = (await self._post(tenant, query))["data"]
            self._faults.calm = False
            end = time.monotonic() + (seconds or 1e9)
            self._until = lambda: time.monotonic() > end or (values > 0 and self.figures.values >= values)
            await asyncio.gather(*(self._tenant(n) for n in range(self._count)))
        return self.figures

    async def _tenant(self, tenant: int) -> None:
        while not self._until():
            kind = self._chance.choices(["post", "get", "create", "follow", "hang up"], [10, 4, 1, 1, 1])[0]
            self.figures.answers[kind] += 1
            query = self._chance.choice(QUERIES)
            if kind == "post":
                self._compare(tenant, query, await self._post(tenant, query))
            elif kind == "get":
                await self._get(tenant, query)
            elif kind == "create":
                self._own(tenant, json.dumps(await self._post(tenant, CREATE)))
            elif kind == "follow":
                await self._follow(tenant)
            else:
                await self._hang_up(tenant, query)

    def _headers(self, tenant: int, **more: str) -> dict[str, str]:
        trace = {"X-Gateway-Trace": "calls"} if self._chance.random() < 0.1 else {}
        return {"Authorization": f"Bearer {token_of(tenant)}", **trace, **more}

    async def _post(self, tenant: int, query: str) -> Any:
        response = await self._client.post("/graphql", json={"query": query}, headers=self._headers(tenant))
        self._status(response, {200})
        return response.json()

    async def _get(self, tenant: int, query: str) -> None:
        """With a validator of whichever tenant had it last: a 304 must mean one's own answer."""
        known = self._etags.get(query, '"none"')
        headers = self._headers(tenant, **{"If-None-Match": known})
        response = await self._client.get("/graphql", params={"query": query}, headers=headers)
        self._status(response, {200, 304})
        if response.status_code == 304:
            own = self._etags.get(f"{tenant} {query}")
            if own != known and "mark" in json.dumps(self._truth[tenant, query]):
                self.figures.wrong.append(f"tenant {tenant} got 304 for another's answer")
            return
        if etag := response.headers.get("etag"):
            if (
                "Authorization" not in response.headers["vary"]
                or "private" not in response.headers["cache-control"]
            ):
                self.figures.wrong.append("an answer may be kept for others")
            self._etags[query] = self._etags[f"{tenant} {query}"] = etag
        self._compare(tenant, query, response.json())

    async def _follow(self, tenant: int) -> None:
        headers = self._headers(tenant, Accept="text/event-stream")
        async with self._client.stream("POST", "/graphql", json={"query": FOLLOW}, headers=headers) as stream:
            async for line in stream.aiter_lines():
                self._own(tenant, line)
                if "complete" in line or self._until():
                    return

    async def _hang_up(self, tenant: int, query: str) -> None:
        asking = asyncio.ensure_future(self._post(tenant, query))
        await asyncio.sleep(self._chance.random() * 0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    def _status(self, response: httpx.Response, allowed: set[int]) -> None:
        if response.status_code not in allowed:
            self.figures.wrong.append(f"status {response.status_code}: {response.text[:200]}")

    def _own(self, tenant: int, text: str) -> None:
        """Nothing in it is another's, and no token is."""
        foreign = set(_MARK.findall(text)) - {str(tenant)}
        if foreign or "s3cr3t" in text:
            self.figures.wrong.append(f"tenant {tenant} got of {foreign}: {text[:300]}")
        self.figures.values += len(_MARK.findall(text))

    def _compare(self, tenant: int, query: str, body: Any) -> None:
        for error in body.get("errors", ()):
            self.figures.codes[error["extensions"]["code"]] += 1
            self._own(tenant, json.dumps(error))
        self._own(tenant, json.dumps(body.get("extensions", {})))
        for value, true in _leaves(body["data"], self._truth[tenant, query]):
            self.figures.values += 1
            if value is None and true is not None:
                self.figures.nulls += 1
            elif value != true:
                self.figures.wrong.append(f"tenant {tenant}: {value!r} in place of {true!r}")


def _leaves(value: Any, true: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict) and isinstance(true, dict):
        for name in value:
            yield from _leaves(value[name], true.get(name))
    elif isinstance(value, list) and isinstance(true, list) and len(value) == len(true):
        for one, other in zip(value, true, strict=True):
            yield from _leaves(one, other)
    else:
        yield value, true


async def compare(
    *,
    tenants: int = 50,
    values: int = 0,
    seconds: float = 0.0,
    transport: str = "aiohttp",
    faults: float = 0.05,
    latency_s: float = 0.02,
    redis_url: str | None = None,
    seed: int = 0,
) -> Figures:
    """What so many tenants are told, through a service with uvicorn's own HTTP."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(RawGateway(world_of))
        gateway.keeps_requests = False
        failing = Faults(random.Random(seed), faults, latency_s)
        gateway.say = failing
        settings = Settings.load(
            {},
            gateway_url=gateway.url,
            gateway_transport=transport,
            operation_timeout_s=3.0,
            redis_url=redis_url,
            follow_interval_s=0.02,
            access_log="off",
        )
        app = create_app(settings)
        server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_config=None, lifespan="on", timeout_keep_alive=120)
        )
        serving = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn says it nowhere else
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            running = Tenants(f"http://127.0.0.1:{port}", failing, tenants, seed)
            return await running.run(values=values, seconds=seconds)
        finally:
            app.state.stopping.say()
            server.should_exit = True
            await serving


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--values", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--transport", default=Settings().gateway_transport)
    parser.add_argument("--redis", default=None, help="URL of a Redis to share")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    begun = time.monotonic()
    figures = asyncio.run(
        compare(
            tenants=chosen.tenants,
            values=chosen.values or (0 if chosen.seconds else 2_000_000),
            seconds=chosen.seconds,
            transport=chosen.transport,
            redis_url=chosen.redis,
            seed=chosen.seed,
        )
    )
    print(figures)
    print(f"took                        {time.monotonic() - begun:.0f} s")
    sys.exit(bool(figures.wrong))


if __name__ == "__main__":
    main()
