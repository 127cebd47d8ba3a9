"""What GraphiQL's panels do in a real Chromium: explorer, examples, the calls of an operation, subscriptions."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, graphql
from playwright.async_api import Locator, Page, expect
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from ocpplab_graphql import Settings, create_app
from ocpplab_graphql.http.console import Console, ConsoleConfig
from tests.live.browser import (
    BACKGROUND,
    HEADERS_EDITOR,
    QUERY_EDITOR,
    RESULT,
    serve,
    until_shown,
    visit,
    write,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("chromium"),
]

VARIABLES_EDITOR = HEADERS_EDITOR  # one place below the query, for both

SDL = """
schema { query: Query subscription: Subscription }
type Query { cpos(first: Int): CPOConnection }
type CPOConnection { totalCount: Int }
type Subscription { bulkLocationJob(jobId: ID!): Job }
type Job { status: String isFinished: Boolean locationIds: [ID!] failures: [Failure!] }
type Failure { index: Int name: String }
"""


def call(route: str, status: int | None, start_ms: float, duration_ms: float, **known: Any) -> dict[str, Any]:
    times = {"startMs": start_ms, "durationMs": duration_ms}
    return {"route": route, "status": status, **times, "bytes": None, "rows": None, "paths": []} | known


FEW_CALLS: dict[str, Any] = {
    "calls": 4,
    "minimum": 3,
    "suppressedErrors": 7,
    "requests": [
        call("GET /ocpi/cpos", 200, 0.25, 5.2, bytes=1234, rows=3, paths=["cpos"])
        | {"headers": {"authorization": "Bearer leaked"}, "url": "http://gateway/?token=leaked"},
        call("GET /ocpi/cpos/{cpo_id}/locations", 200, 6, 40, bytes=98_765, rows=1, pathCount=40)
        | {"paths": [f"cpos.nodes.{index}.locations" for index in range(10)]},
        call("GET /ocpi/cpos/{cpo_id}/locations", 404, 6, 12.5, bytes=87, paths=["cpos.nodes.1.locations"]),
        call("GET /ocpp/chargers/{charger_id}", None, 50, 950, paths=["cpos.nodes.2.locations"]),
    ],
}
MANY_CALLS = {
    "calls": 500,
    "minimum": 500,
    "requests": [call("GET /ocpi/cpos/{cpo_id}/locations", 200, n, 9, rows=n) for n in range(500)],
}


@dataclass
class Prepared:
    """A server that answers with a prepared trace and with prepared events."""

    gateway: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None
    breaks_off_once: bool = False
    trace_headers: list[str | None] = field(default_factory=list)  # of each operation, in order
    socket_messages: list[Any] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._console = Console(ConsoleConfig(token="demo"))
        self._schema = build_schema(SDL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": message["type"] + ".complete"})
        elif scope["type"] == "websocket":
            await self._follow(WebSocket(scope, receive, send))
        elif scope["path"].startswith("/graphql/console/"):
            await self._console.assets(scope, receive, send)
        elif scope["method"] == "GET":
            await self._console.page(scope)(scope, receive, send)
        else:
            await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> JSONResponse:
        operation = await request.json()
        result = (await graphql(self._schema, operation["query"])).formatted
        asked = request.headers.get("x-gateway-trace")
        if "IntrospectionQuery" not in operation["query"]:
            self.trace_headers.append(asked)
        else:
            assert asked is None
        return JSONResponse(result | {"extensions": {"gateway": self.gateway}} if asked else result)

    async def _follow(self, socket: WebSocket) -> None:
        """graphql-transport-ws for one client, one operation after the other."""
        await socket.accept("graphql-transport-ws")
        async for message in socket.iter_json():
            self.socket_messages.append(message)
            if message["type"] == "connection_init":
                if self.close_code is not None:
                    await socket.close(self.close_code, "Forbidden")
                    return
                await socket.send_json({"type": "connection_ack"})
            elif message["type"] == "subscribe":
                for event in self.events:
                    await socket.send_json({"id": message["id"], "type": "next", "payload": event})
                if self.breaks_off_once:
                    self.breaks_off_once = False
                    await socket.close(1012, "Restart")
                    return
                if self.events[-1]["data"]["bulkLocationJob"]["isFinished"]:
                    await socket.send_json({"id": message["id"], "type": "complete"})

    async def has_received(self, page: Page, message_type: str) -> None:
        """Wait until the client has sent such a message."""
        for _ in range(100):
            if any(message["type"] == message_type for message in self.socket_messages):
                return
            await page.wait_for_timeout(50)
        raise AssertionError(f"no {message_type} in {self.socket_messages}")


@pytest.fixture
def prepared() -> Iterator[Prepared]:
    server = Prepared(gateway=FEW_CALLS)
    with serve(server) as port:
        server.url = f"http://127.0.0.1:{port}/graphql"
        yield server


@pytest.fixture
def product(database: Path) -> Iterator[str]:
    """The address of the service itself, with the demo world."""
    with serve(create_app(Settings.load({}, database=str(database)))) as port:
        yield f"http://127.0.0.1:{port}/graphql"


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


async def calls_panel(page: Page) -> Locator:
    await page.get_by_role("button", name="Show Gateway Calls").click()
    return page.get_by_role("region", name="Gateway calls")


async def open_example(page: Page, title: str) -> None:
    await (
        page.get_by_role("region", name="Examples")
        .get_by_role("button", name=re.compile(f"^{title}"))
        .click()
    )


class TestTheExplorer:
    async def test_adds_a_field_to_the_query(self, product: str, tmp_path: Path) -> None:
        async with visit(product) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, "query Mine { cpos(first: 2) { nodes { cpoId } } }")
            await page.get_by_role("button", name="Show Explorer").click()
            explorer = page.locator(".graphiql-explorer-root")
            await explorer.get_by_text("namePrefix", exact=True).click()
            await until_shown(page, QUERY_EDITOR, "namePrefix")
            await run(page)
            await until_shown(page, RESULT, '"namePrefix": "demo"')
            await page.screenshot(path=tmp_path / "explorer.png")


class TestTheExamples:
    async def test_one_opens_in_a_tab_of_its_own_and_runs(self, product: str, tmp_path: Path) -> None:
        async with visit(product) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, "query Mine { cpos { totalCount } }")
            await page.get_by_role("button", name="Show Examples").click()
            await open_example(page, "Page of locations")
            await expect(page.get_by_role("tab")).to_contain_text(["Mine", "PageOfLocations"])
            await until_shown(page, VARIABLES_EDITOR, '"first": 10')
            await run(page)
            await until_shown(page, RESULT, '"hasNextPage": true')
            await page.screenshot(path=tmp_path / "examples.png")

            await page.get_by_role("tab", name="Mine").click()
            await until_shown(page, QUERY_EDITOR, "query Mine { cpos { totalCount } }")

    async def test_every_one_of_them_runs_without_an_error(self, product: str) -> None:
        async with visit(product) as visited:
            page = visited.page
            await page.get_by_role("button", name="Show Examples").click()
            buttons = page.get_by_role("region", name="Examples").get_by_role("button")
            await expect(buttons).not_to_have_count(0)
            for index in range(await buttons.count()):
                if "subscription" in await buttons.nth(index).inner_text():
                    continue
                await buttons.nth(index).click()
                await run(page)
                await until_shown(page, RESULT, '"data": {')
                assert '"extensions"' not in await page.locator(RESULT).inner_text()

    async def test_the_job_that_was_made_is_the_one_that_is_followed(self, product: str) -> None:
        async with visit(product) as visited:
            page = visited.page
            await until_shown(page, HEADERS_EDITOR, "Bearer demo")
            await write(page, HEADERS_EDITOR, '{"Authorization": "Bearer demo", "X-Mine": "kept"}')
            await page.get_by_role("button", name="Show Examples").click()
            await open_example(page, "Create locations")
            await until_shown(page, VARIABLES_EDITOR, '"idempotencyKey": "console-')
            await run(page)
            await until_shown(page, RESULT, "BulkLocationJob:103:")
            result = "".join((await page.locator(RESULT).inner_text()).split())  # a long line is broken
            job = re.search(r"BulkLocationJob:103:[\w-]{36}", result)
            assert job is not None

            await open_example(page, "Follow job")
            await until_shown(page, VARIABLES_EDITOR, job[0])
            await run(page)
            await until_shown(page, RESULT, '"status": "')
            await page.get_by_role("button", name="Headers").click()
            await until_shown(page, HEADERS_EDITOR, '"X-Mine": "kept"')

    async def test_only_what_the_server_can_run_is_offered(self, prepared: Prepared) -> None:
        async with visit(prepared.url) as visited:
            await visited.page.get_by_role("button", name="Show Examples").click()
            examples = visited.page.get_by_role("region", name="Examples")
            await expect(examples.get_by_role("button", name="subscription")).to_have_count(1)
            await expect(examples.get_by_role("button", name="mutation")).to_have_count(0)


class TestTheCallsOfAnOperation:
    @pytest.mark.parametrize("color_scheme", BACKGROUND)
    async def test_are_drawn_one_by_one_and_show_no_secret(
        self, prepared: Prepared, tmp_path: Path, color_scheme: str
    ) -> None:
        async with visit(prepared.url, color_scheme=color_scheme) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, "query Totals { cpos { totalCount } }")
            await run(page)
            panel = await calls_panel(page)
            await expect(panel.get_by_role("status")).to_contain_text("Totals4 calls3 at best")
            rows = panel.get_by_role("row")
            await expect(rows).to_have_count(5)  # that of the headings among them
            assert await cells(rows.nth(1)) == ["200", "GET /ocpi/cpos", "5.2 ms", "3 rows", "1.2 kB", "cpos"]
            assert (await cells(rows.nth(2)))[3:5] == ["1 row", "98.8 kB"]
            assert (await cells(rows.nth(3)))[0] == "404"
            assert (await cells(rows.nth(4)))[:3] == ["no reply", "GET /ocpp/chargers/{charger_id}", "950 ms"]
            await expect(rows.nth(4).get_by_role("img")).to_have_attribute(
                "aria-label", "from 50 ms to 1,000 ms"
            )

            await rows.nth(2).get_by_text("39 more").click()
            await expect(rows.nth(2)).to_contain_text("cpos.nodes.9.locations")
            await page.screenshot(path=tmp_path / f"calls-{color_scheme}.png")

            shown = await page.locator("body").inner_text()
            assert "leaked" not in shown
            # What only the panel asked for is not in the result; what else the server says there is.
            await until_shown(page, RESULT, '"suppressedErrors": 7')
            assert '"requests"' not in await page.locator(RESULT).inner_text()
            assert prepared.trace_headers == ["calls"]

    async def test_are_drawn_from_the_trace_of_the_service(self, product: str) -> None:
        async with visit(product) as visited:
            await until_shown(visited.page, QUERY_EDITOR, "query FirstLook")
            await run(visited.page)
            panel = await calls_panel(visited.page)
            await expect(panel.get_by_role("status")).to_contain_text("4 callsthe least possible")
            await expect(panel.get_by_role("row")).to_have_count(5)
            await expect(panel.get_by_role("row").nth(1)).to_contain_text("GET /ocpi/cpos")

    async def test_scroll_by_the_keyboard_when_they_are_many(self, prepared: Prepared) -> None:
        prepared.gateway = MANY_CALLS
        async with visit(prepared.url) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, "{ cpos { totalCount } }")
            await run(page)
            panel = await calls_panel(page)
            await expect(panel.get_by_role("row")).to_have_count(501)
            await panel.get_by_role("switch").focus()
            await page.keyboard.press("Tab")
            await expect(panel.get_by_role("region", name="REST calls")).to_be_focused()
            await expect(panel.get_by_role("row").last).not_to_be_in_viewport()
            await page.keyboard.press("End")
            await expect(panel.get_by_role("row").last).to_be_in_viewport()
            await expect(panel.get_by_role("switch")).to_be_in_viewport()

    async def test_are_not_asked_for_when_they_are_switched_off_now_and_at_the_next_visit(
        self, prepared: Prepared
    ) -> None:
        async with visit(prepared.url) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, "query Totals { cpos { totalCount } }")
            panel = await calls_panel(page)
            await panel.get_by_role("switch", name="Trace operations").press("Space")
            await run(page)
            await until_shown(page, RESULT, '"cpos": null')
            await expect(panel).to_contain_text("sent without the header X-Gateway-Trace: calls")

            await page.wait_for_function("JSON.stringify(localStorage).includes('query Totals')")
            await page.reload()
            await expect(panel.get_by_role("switch")).not_to_be_checked()
            await panel.get_by_role("switch").press("Space")
            await run(page)
            await expect(panel.get_by_role("row")).to_have_count(5)
            assert prepared.trace_headers == [None, "calls"]

    async def test_that_a_server_does_not_tell_are_explained(self, prepared: Prepared) -> None:
        prepared.gateway = {}
        async with visit(prepared.url) as visited:
            page = visited.page
            panel = await calls_panel(page)
            await expect(panel).to_contain_text(
                "Run an operation: it is sent with the header X-Gateway-Trace: calls"
            )
            await write(page, QUERY_EDITOR, "query Totals { cpos { totalCount } }")
            await run(page)
            await expect(panel).to_contain_text("The answer to Totals came without a trace.")

    async def test_stay_in_the_result_for_those_who_write_the_header_themselves(
        self, prepared: Prepared
    ) -> None:
        async with visit(prepared.url) as visited:
            page = visited.page
            await until_shown(page, HEADERS_EDITOR, "Bearer demo")
            await write(page, HEADERS_EDITOR, '{"X-Gateway-Trace": "plan"}')
            await write(page, QUERY_EDITOR, "{ cpos { totalCount } }")
            await run(page)
            await until_shown(page, RESULT, '"requests": [')
            assert prepared.trace_headers == ["plan"]
            panel = await calls_panel(page)
            await expect(panel).to_contain_text("query was sent without the header X-Gateway-Trace: calls.")


async def cells(row: Locator) -> list[str]:
    """The texts of a row's cells, without the drawing."""
    return [text for text in await row.get_by_role("cell").all_inner_texts() if text]


def job(status: str, *, is_finished: bool) -> dict[str, Any]:
    return {"data": {"bulkLocationJob": {"status": status, "isFinished": is_finished}}}


SUBSCRIPTION = 'subscription Watch { bulkLocationJob(jobId: "1") { status isFinished } }'


class TestASubscription:
    async def test_shows_each_event_and_sends_the_credentials_of_the_headers_tab(
        self, prepared: Prepared
    ) -> None:
        prepared.events = [job("PROVISIONING", is_finished=False), job("READY", is_finished=True)]
        async with visit(prepared.url) as visited:
            page = visited.page
            await until_shown(page, HEADERS_EDITOR, "Bearer demo")
            headers = {"AUTHORIZATION": "Bearer org-x", "X-Organization-Id": "7", "X-Other": "not sent"}
            await write(page, HEADERS_EDITOR, json.dumps(headers))
            await write(page, QUERY_EDITOR, SUBSCRIPTION)
            await run(page)
            await until_shown(page, RESULT, '"status": "READY"')
            await expect(page.get_by_role("button", name="Execute query")).to_be_visible()
            initial, subscribe = prepared.socket_messages[:2]
            assert initial["payload"] == {"authorization": "Bearer org-x", "x-organization-id": "7"}
            assert subscribe["payload"]["operationName"] == "Watch"
            panel = await calls_panel(page)
            await expect(panel).to_contain_text("The events of Watch came without a trace")

    async def test_ends_when_it_is_stopped(self, prepared: Prepared) -> None:
        prepared.events = [job("PROVISIONING", is_finished=False)]
        async with visit(prepared.url) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, SUBSCRIPTION)
            await run(page)
            await until_shown(page, RESULT, '"status": "PROVISIONING"')
            await page.get_by_role("button", name="Stop query").click()
            await prepared.has_received(page, "complete")

    async def test_that_broke_off_is_taken_up_again(self, prepared: Prepared) -> None:
        prepared.events = [job("PROVISIONING", is_finished=False)]
        prepared.breaks_off_once = True
        async with visit(prepared.url) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, SUBSCRIPTION)
            await run(page)
            await until_shown(page, RESULT, '"status": "PROVISIONING"')
            prepared.events = [job("READY", is_finished=True)]
            await until_shown(page, RESULT, '"status": "READY"')
            types = [message["type"] for message in prepared.socket_messages]
            assert types.count("subscribe") == 2

    async def test_that_is_refused_says_why(self, prepared: Prepared) -> None:
        prepared.close_code = 4403
        async with visit(prepared.url) as visited:
            page = visited.page
            await write(page, QUERY_EDITOR, SUBSCRIPTION)
            await run(page)
            await until_shown(page, RESULT, "The WebSocket was closed: 4403 Forbidden")
