"""graphql-transport-ws, message by message."""

import json

import pytest

from ocpplab_graphql.gateway.transport import Reply
from tests.conftest import facade
from tests.graph.streaming import socket, until

CPO = 'subscription { cpoProvisioning(cpoId: "101") { status } }'
INIT = {"type": "connection_init", "payload": {"authorization": "Bearer demo"}}
PENDING = Reply(200, {}, b'{"cpo_id": "101", "status": "PENDING"}')


def subscribe(query=CPO, own_id="1", **payload):
    return {"type": "subscribe", "id": own_id, "payload": {"query": query, **payload}}


@pytest.fixture
def endless(wire):
    """Every CPO stays PENDING."""
    wire.answer = lambda _method, target: PENDING if target.endswith("/status") else None


async def test_a_subscription_from_the_handshake_to_its_completion(graphql):
    async with socket(graphql) as opened:
        await opened.subscribe(CPO)

        assert await opened.received(2) == [
            {"type": "next", "id": "1", "payload": {"data": {"cpoProvisioning": {"status": "READY"}}}},
            {"type": "complete", "id": "1"},
        ]


async def test_queries_and_mutations_are_answered_once_and_completed(graphql):
    mutation = 'mutation { bulkCreateLocations(input: {cpoId: "101", locations: []}) { job { id } } }'
    async with socket(graphql) as opened:
        await opened.subscribe("{ cpo(cpoId: 101) { namePrefix } }", "q")
        first, completed = await opened.received(2)
        await opened.subscribe(mutation, "m")
        second, _ = await opened.received(2)

    assert first["payload"]["data"]["cpo"]["namePrefix"]
    assert completed == {"type": "complete", "id": "q"}
    assert second["payload"]["data"] == {"bulkCreateLocations": {"job": None}}


async def test_variables_and_the_operation_name_are_taken(graphql):
    query = "query A { __typename } query B($id: ID!) { cpo(cpoId: $id) { cpoId } }"
    async with socket(graphql) as opened:
        await opened.send(subscribe(query, variables={"id": "102"}, operationName="B"))

        assert (await opened.receive())["payload"] == {"data": {"cpo": {"cpoId": "102"}}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "BAD_REQUEST"),
        ("subscription($id: ID!) { cpoProvisioning(cpoId: $id) { status } }", "BAD_USER_INPUT"),
        ("query($id: ID!) { cpo(cpoId: $id) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_refused_is_an_error_message_and_the_socket_goes_on(graphql, query, code):
    async with socket(graphql) as opened:
        await opened.subscribe(query)
        refused = await opened.receive()
        await opened.subscribe("{ __typename }")

        assert (refused["type"], refused["id"]) == ("error", "1")
        assert [e["extensions"]["code"] for e in refused["payload"]] == [code]
        assert (await opened.receive())["payload"] == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
async def test_credentials_come_in_the_init_payload_in_any_case(graphql, wire, name):
    async with socket(graphql, begun=False) as opened:
        await opened.begin(**{name: "Bearer demo", "X-Organization-ID": "some"})
        await opened.subscribe(CPO)
        await opened.receive()

    assert (wire.headers[0]["Authorization"], wire.headers[0]["X-Organization-Id"]) == ("Bearer demo", "some")


async def test_or_as_headers_and_the_payload_wins(graphql, wire):
    async with socket(graphql, begun=False, authorization="Bearer demo") as opened:
        await opened.begin()
        await opened.subscribe(CPO)
        await opened.receive()
    async with socket(graphql, begun=False, authorization="Bearer other") as opened:
        await opened.begin(authorization="Bearer demo")
        await opened.subscribe(CPO)
        await opened.receive()

    assert [h["Authorization"] for h in wire.headers] == ["Bearer demo", "Bearer demo"]


async def test_without_a_token_only_what_needs_the_gateway_fails(graphql, wire):
    async with socket(graphql, begun=False) as opened:
        await opened.begin()
        await opened.subscribe("{ __typename }")
        named, _ = await opened.received(2)
        await opened.subscribe(CPO)
        refused, completed = await opened.received(2)

    assert named["payload"] == {"data": {"__typename": "Query"}}
    assert refused["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert completed["type"] == "complete"
    assert wire.calls == {}


@pytest.mark.parametrize("value", [42, ["x"], "Bearer a\r\nX-Evil: 1", "Bearer é"])
async def test_credentials_that_can_be_no_header_are_refused(graphql, value):
    async with socket(graphql, begun=False) as opened:
        await opened.send({"type": "connection_init", "payload": {"authorization": value}})

        assert (await opened.receive())[0] == 4400


@pytest.mark.parametrize("protocols", [[], ["graphql-ws"], ["Graphql-Transport-WS"]])
async def test_another_subprotocol_is_not_spoken(graphql, protocols):
    async with socket(graphql, protocols=protocols, begun=False) as opened:
        assert await opened.receive() == (4406, "Subprotocol not acceptable")


async def test_one_of_several_subprotocols_is_chosen(graphql):
    async with socket(graphql, protocols=["graphql-ws", "graphql-transport-ws"]) as opened:
        await opened.send({"type": "ping"})

        assert await opened.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    ("messages", "closed"),
    [
        ([subscribe()], (4401, "Unauthorized")),
        ([INIT, INIT], (4429, "Too many initialisation requests")),
        ([INIT, subscribe(), subscribe()], (4409, "Subscriber for 1 already exists")),
        (["{nope"], (4400, "Invalid message: not JSON")),
        (["[" * 100_000], (4400, "Invalid message: not JSON")),
        (["42"], (4400, "Invalid message: expected an object with a type")),
        ([{"id": "1"}], (4400, "Invalid message: expected an object with a type")),
        ([{"type": "start"}], (4400, "Invalid message: unknown type 'start'")),
        ([{"type": "next", "id": "1"}], (4400, "Invalid message: unknown type 'next'")),
        ([{"type": "ping", "payload": 1}], (4400, "Invalid message: payload must be an object")),
        ([INIT, {"type": "complete"}], (4400, "Invalid message: expected an id")),
        ([INIT, subscribe(own_id="")], (4400, "Invalid message: expected an id")),
        ([INIT, subscribe(own_id=1)], (4400, "Invalid message: expected an id")),
        ([INIT, {"type": "subscribe", "id": "1"}], (4400, None)),
        ([INIT, subscribe(query=1)], (4400, "Invalid message: `query` must be text or null.")),
        ([INIT, subscribe(variables=[])], (4400, "Invalid message: `variables` must be an object or null.")),
        (
            [json.dumps({"type": "ping", "payload": {"x": "y" * 2000}})],
            (1009, "A message may have 1024 bytes"),
        ),
    ],
)
async def test_a_broken_protocol_closes_the_socket_with_the_protocols_code(wire, endless, messages, closed):
    async with facade(wire, max_request_bytes=1024) as client, socket(client, begun=False) as opened:
        long = [m for m in messages if isinstance(m, str) and m.startswith("[[")]
        await opened.send(*((long and ["[" * 1000]) or messages))
        while isinstance(heard := await opened.receive(), dict):
            assert heard["type"] in {"connection_ack", "next"}
        await opened.ended()

    assert heard[0] == closed[0]
    assert closed[1] is None or heard[1] == closed[1]


async def test_binary_messages_are_not_taken(graphql):
    async with socket(graphql) as opened:
        opened.say({"type": "websocket.receive", "bytes": b"{}"})

        assert await opened.receive() == (4400, "Invalid message: send text, not binary")


async def test_who_does_not_begin_is_closed(wire):
    async with facade(wire, websocket_init_timeout_s=0.01) as client, socket(client, begun=False) as opened:
        await opened.send({"type": "ping"})

        assert await opened.receive() == {"type": "pong"}
        assert await opened.receive() == (4408, "Connection initialisation timeout")


async def test_pings_are_sent_and_answered(wire):
    async with facade(wire, stream_heartbeat_s=0.01) as client, socket(client) as opened:
        assert await opened.received(2) == [{"type": "ping"}, {"type": "ping"}]
        await opened.send({"type": "pong"}, {"type": "ping", "payload": {"a": 1}})
        while (heard := await opened.receive()) == {"type": "ping"}:
            pass

        assert heard == {"type": "pong"}


async def test_a_completed_operation_says_nothing_more_and_its_id_is_free(wire, endless):
    async with (
        facade(wire, follow_interval_s=3600, follow_interval_max_s=3600) as client,
        socket(client) as opened,
    ):
        for _ in range(3):
            await opened.subscribe(CPO)
            assert (await opened.receive())["type"] == "next"
            await opened.send({"type": "complete", "id": "1"})
        await opened.send({"type": "complete", "id": "unknown"}, {"type": "ping"})

        assert await opened.receive() == {"type": "pong"}
    assert wire.calls == {"GET /ocpi/cpos/{cpo_id}/status": 3}


async def test_hanging_up_cancels_what_runs(graphql, wire):
    wire.delay_s = 3600
    async with socket(graphql) as opened:
        await opened.subscribe("{ cpos { totalCount } }", "q")
        await opened.subscribe(CPO, "s")
        await until(lambda: len(wire.sent) == 2)
        await opened.hang_up()


async def test_more_operations_than_allowed_are_refused_one_by_one(wire, endless):
    async with facade(wire, websocket_operations_max=2) as client, socket(client) as opened:
        for own_id in "ab":
            await opened.subscribe(CPO, own_id)
            assert (await opened.receive())["type"] == "next"
        await opened.subscribe(CPO, "c")
        refused = await opened.receive()
        await opened.send({"type": "complete", "id": "a"})
        await opened.subscribe("{ __typename }", "d")

        assert (refused["type"], refused["id"]) == ("error", "c")
        assert refused["payload"][0]["extensions"]["code"] == "OVERLOADED"
        assert (await opened.receive())["payload"] == {"data": {"__typename": "Query"}}


async def test_a_flood_of_subscriptions_is_bounded_and_then_closed(wire):
    async with facade(wire, websocket_operations_max=10) as client, socket(client) as opened:
        await opened.send(*(subscribe(own_id=str(i)) for i in range(1000)))
        served, refused = set(), 0
        while isinstance(heard := await opened.receive(), dict):
            served |= {heard["id"]} if heard["type"] == "next" else set()
            refused += heard["type"] == "error"

    assert len(served) <= 20
    assert (refused, heard) == (10, (1008, "Too many operations: at most 10 at once"))


async def test_the_gateway_calls_of_each_event_are_told_when_asked_for(graphql):
    async with socket(graphql, begun=False, **{"x-gateway-trace": "calls"}) as opened:
        await opened.begin(authorization="Bearer demo")
        await opened.subscribe("{ cpo(cpoId: 101) { namePrefix } }")
        event = await opened.receive()

    assert event["payload"]["extensions"]["gateway"]["calls"] == 1


@pytest.mark.parametrize("where", ["header", "payload"])
async def test_each_operation_of_a_socket_has_the_deadline_that_its_client_asked_for(graphql, wire, where):
    wire.delay_s = 30
    headers, payload = (
        ({"x-request-timeout": "50ms"}, {}) if where == "header" else ({}, {"X-Request-Timeout": "50ms"})
    )
    async with socket(graphql, begun=False, **headers) as opened:
        await opened.begin(authorization="Bearer demo", **payload)
        for own_id in ("1", "2"):
            await opened.subscribe("{ cpo(cpoId: 101) { namePrefix } }", own_id)
            event = await opened.receive()
            assert event["payload"]["errors"][0]["extensions"]["code"] == "GATEWAY_TIMEOUT"
            assert (await opened.receive())["type"] == "complete"


async def test_a_deadline_that_is_none_closes_the_socket_with_what_was_expected(graphql):
    async with socket(graphql, begun=False) as opened:
        await opened.send({"type": "connection_init", "payload": {"x-request-timeout": "soon"}})

        code, reason = await opened.receive()
    assert (code, "such as 2.5s or 250ms" in reason) == (4400, True)


async def test_a_service_that_stops_closes_the_socket(wire, endless):
    async with facade(wire) as client, socket(client) as opened:
        await opened.subscribe(CPO)
        await opened.receive()
        client.app.state.stopping.say()

        assert await opened.receive() == (1012, "Service restart")
        await opened.ended()


async def test_a_service_that_stops_answers_what_runs_and_ends_what_is_followed(wire):
    wire.delay_s = 0.2
    async with facade(wire) as client, socket(client) as opened:
        await opened.subscribe(CPO, "followed")
        await opened.subscribe("{ cpos { totalCount } }", "running")
        await until(lambda: len(wire.sent) == 2)
        client.app.state.stopping.say()
        await until(lambda: wire.cancelled == 1)
        await opened.subscribe("{ cpos { totalCount } }", "late")

        assert await opened.received(3) == [
            {"type": "next", "id": "running", "payload": {"data": {"cpos": {"totalCount": 3}}}},
            {"type": "complete", "id": "running"},
            (1012, "Service restart"),
        ]
        await opened.ended()


async def test_who_hangs_up_is_not_waited_for_by_a_service_that_stops(wire):
    wire.delay_s = 3600
    async with facade(wire) as client, socket(client) as opened:
        await opened.subscribe("{ cpos { totalCount } }", "running")
        await until(lambda: len(wire.sent) == 1)
        client.app.state.stopping.say()
        await opened.hang_up()

    assert wire.cancelled == 1
