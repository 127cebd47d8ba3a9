"""How the sandbox is run by others: mounted, in process, cancelled; and that its queries use their indexes."""

import asyncio
import contextlib

import httpx
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.routing import Mount

from ocpplab_graphql.sandbox import SandboxConfig, create_sandbox


async def test_it_works_mounted_with_its_lifespan_entered_by_the_parent(database):
    inner = create_sandbox(SandboxConfig(database))

    @contextlib.asynccontextmanager
    async def lifespan(_app):
        async with inner.router.lifespan_context(inner):
            yield

    outer = Starlette(routes=[Mount("/sandbox", inner)], lifespan=lifespan)
    async with outer.router.lifespan_context(outer):
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x", headers={"Authorization": "Bearer demo"}
        ) as client:
            assert (await client.get("/sandbox/ocpi/cpos/101")).json()["cpo_id"] == "101"
            document = (await client.get("/sandbox/openapi.json")).json()
            assert document["servers"] == [{"url": "/sandbox"}]
            assert 'href="openapi.json"' in (await client.get("/sandbox/docs")).text


async def test_callers_that_give_up_do_no_harm(gateway, item, finished):
    async def given_up(delay):
        task = asyncio.ensure_future(gateway.get("/ocpi/cpos/101/locations?limit=100"))
        await asyncio.sleep(delay)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    await asyncio.gather(*(given_up(n / 4000) for n in range(60)))

    accepted = (await gateway.post("/ocpi/cpos/101/locations", json={"locations": [item()]})).json()
    assert (await finished(gateway, accepted["status_url"]))["status"] == "READY"


async def test_a_hundred_requests_at_once_are_all_answered(gateway):
    answers = await asyncio.gather(*(gateway.get("/ocpi/cpos/101/locations?limit=100") for _ in range(100)))

    assert {answer.status_code for answer in answers} == {200}


async def test_no_list_scans_a_whole_table(sqlite_database):
    app = create_sandbox(SandboxConfig(sqlite_database))
    async with app.router.lifespan_context(app):
        engine = app.state.store._database._engine
        seen: list[tuple[str, tuple[object, ...]]] = []
        event.listen(
            engine.sync_engine,
            "before_cursor_execute",
            lambda _c, _cursor, statement, parameters, _x, _many: seen.append((statement, parameters)),
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x", headers={"Authorization": "Bearer demo"}
        ) as client:
            for path in (
                "/ocpi/cpos",
                "/ocpi/cpos/101/locations?page=2",
                "/ocpp/chargers?page=3",
                "/ocpp/locations/ocpp-loc-6/chargers",
                "/ocpp/locations/ocpp-loc-6/chargers?charger_ids=dep-21",
            ):
                await client.get(path)
        queries = [one for one in seen if one[0].startswith("SELECT") and "jobs" not in one[0]]
        async with engine.connect() as connection:
            for statement, parameters in queries:
                plan = (await connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)).all()
                assert not [step for step in plan if step[3].startswith("SCAN")], (statement, plan)

    assert len(queries) >= 8
