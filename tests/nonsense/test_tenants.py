"""Fifty tenants at once, while the gateway is late, fails and cuts: nothing of one ever reaches another."""

import asyncio
import contextlib
import json
import logging
import re

import pytest

from bench.facade.raw_gateway import RawGateway
from bench.facade.tenants import CREATE, Figures, compare, token_of, world_of
from bench.facade.world import JOB
from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.schema.once import Use
from ocpplab_graphql.settings import Settings
from tests.nonsense.conftest import ask, product

# The transport that is the default is tried longest; httpx, which opens a connection for each call, is left to
# `python -m bench.facade.tenants --transport httpx` and to the tests of single lies.
VALUES = {"http1": 15_000, "aiohttp": 3_000}


@pytest.mark.timeout(110)
@pytest.mark.parametrize("transport", VALUES)
async def test_nothing_of_one_tenant_ever_reaches_another(transport):
    figures: Figures = await compare(values=VALUES[transport], transport=transport, tenants=50, seconds=30)

    assert figures.wrong == []
    assert figures.values > 500  # on a machine that is busy the time ends first
    assert set(figures.answers) == {"post", "get", "create", "follow", "hang up"}
    assert {code for code in figures.codes if not code.startswith("GATEWAY_")} == set()


@contextlib.contextmanager
def everything_logged(caplog):
    """All that anybody writes to a log at DEBUG, asyncio in debug mode."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    caplog.set_level(logging.DEBUG)
    names = (
        "ocpplab_graphql",
        "ocpplab_graphql.access",
        "aiohttp",
        "aiohttp.client",
        "httpx",
        "httpcore",
        "asyncio",
        "uvicorn",
    )
    for name in names:
        caplog.set_level(logging.DEBUG, logger=name)
    try:
        yield
    finally:
        loop.set_debug(False)


@pytest.mark.parametrize(
    "lie", [None, b"", b"HTTP/1.1 500 F\r\n\r\n", b"noise\r\n\r\n", b"HTTP/1.1 401 U\r\n\r\n"]
)
async def test_no_token_is_in_any_log_whatever_the_level_and_whoever_writes_it(transport, caplog, lie):
    token = token_of(7)
    query = '{ cpo(cpoId: "101") { namePrefix provisioning { status } locations { nodes { name } } } }'
    with everything_logged(caplog):
        async with (
            RawGateway(world_of) as gateway,
            product(gateway.url, gateway_transport=transport) as client,
        ):
            if lie is not None:
                gateway.say = lambda _asked: lie
            answers = [await ask(client, what, token=token) for what in (query, CREATE)]
            refused = await client.post(
                "/graphql", content=b"{", headers={"authorization": f"Bearer {token}"}
            )
    formatter = logging.Formatter("%(message)s %(args)s %(exc_info)s")
    lines = "\n".join(map(formatter.format, caplog.records))

    assert "s3cr3t" not in lines + json.dumps(answers) + refused.text
    assert lines  # something was written


async def test_a_traceback_and_the_forms_of_our_objects_hold_no_token(caplog):
    credentials = Credentials("Bearer s3cr3t", "s3cr3t-organization")
    use = Use(credentials, "createCPO", "key", b"input")
    async with RawGateway() as server:
        gateway = Gateway(server.url, None, max_concurrency=1)  # type: ignore[arg-type]  # never sends
        client = gateway.client(credentials, timeout_s=1)
        with pytest.raises(AttributeError):
            await client.list_cpos(1, 1)
        try:
            await client.list_cpos(1, 1)
        except AttributeError:
            logging.getLogger("ocpplab_graphql").exception("unexpected %s %s", client, use)

    shown = "".join(map(repr, (credentials, use, gateway, client, client.calls, vars(gateway))))
    assert "s3cr3t" not in shown + caplog.text


async def test_one_key_of_two_tenants_is_two_keys(gateway: RawGateway, client):
    bodies = await asyncio.gather(*(ask(client, CREATE, token=f"t{n}") for n in range(20)))

    assert [body["data"]["bulkCreateLocations"]["userErrors"] for body in bodies] == [[]] * 20
    assert gateway.asked["POST /ocpi/cpos/101/locations"] == 20


async def test_followers_of_the_same_id_with_different_tokens_share_no_poll(transport):
    query = f'subscription {{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ workflowRunId failures {{ name }} }} }}'
    async with RawGateway(world_of) as gateway, product(gateway.url, gateway_transport=transport) as client:

        async def follow(tenant: int) -> str:
            headers = {"authorization": f"Bearer {token_of(tenant)}", "accept": "text/event-stream"}
            return (await client.post("/graphql", json={"query": query}, headers=headers)).text

        streams = await asyncio.gather(*(follow(n % 10) for n in range(30)))
        calls = gateway.asked[f"GET /ocpi/cpos/101/locations/jobs/{JOB}"]

    assert [set(re.findall(r"tenant-(\d+)-mark", text)) for text in streams] == [
        {str(n % 10)} for n in range(30)
    ]
    assert calls == 10


def test_the_settings_name_no_transport_that_is_not_tried() -> None:
    from tests.nonsense.conftest import TRANSPORTS

    assert Settings().gateway_transport in TRANSPORTS
