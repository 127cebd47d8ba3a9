"""Server-sent events and multipart: the bytes on the wire, and when which is spoken."""

import json

import pytest

from ocpplab_graphql.gateway.transport import Reply
from tests.conftest import facade
from tests.graph.streaming import response, until

CPO = 'subscription { cpoProvisioning(cpoId: "101") { status } }'
MULTIPART = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
APOLLO = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9"
URQL = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
PENDING = Reply(200, {}, b'{"cpo_id": "101", "status": "PENDING"}')
READY = b'{"data":{"cpoProvisioning":{"status":"READY"}}}'
PART = b"\r\ncontent-type: application/json\r\n\r\n%s\r\n--graphql"


@pytest.fixture
def endless(wire):
    """Every CPO stays PENDING."""
    wire.answer = lambda _method, target: PENDING if target.endswith("/status") else None


async def chunks(stream):
    pieces = []
    while (piece := await stream.chunk()) is not None:
        pieces.append(piece)
    return pieces


async def test_server_sent_events_as_graphql_sse_has_them(graphql):
    async with response(graphql, CPO) as stream:
        assert await chunks(stream) == [
            b":\n\n",
            b"event: next\ndata: " + READY + b"\n\n",
            b"event: complete\ndata:\n\n",
        ]
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert not {"content-encoding", "content-length"} & stream.headers.keys()


async def test_multipart_as_apollo_has_it(graphql):
    async with response(graphql, CPO, accept=APOLLO) as stream:
        assert await chunks(stream) == [b"\r\n--graphql", PART % (b'{"payload":' + READY + b"}"), b"--\r\n"]
        assert stream.headers["content-type"] == MULTIPART
        assert stream.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("accept", "beat"), [("text/event-stream", b":\n\n"), (MULTIPART, PART % b"{}")])
async def test_silence_is_broken_by_heartbeats(wire, endless, accept, beat):
    async with (
        facade(wire, stream_heartbeat_s=0.01) as client,
        response(client, CPO, accept=accept) as stream,
    ):
        await stream.chunk()
        while (piece := await stream.chunk()) == beat:
            pass
        assert b"PENDING" in piece
        assert [await stream.chunk(), await stream.chunk()] == [beat, beat]


@pytest.mark.parametrize(
    ("accept", "subscription", "query"),
    [
        ("text/event-stream", "text/event-stream", "text/event-stream"),
        (MULTIPART, "multipart/mixed", "multipart/mixed"),
        (APOLLO, "multipart/mixed", "application/graphql-response+json"),
        (URQL, "text/event-stream", "application/graphql-response+json"),
        ("text/event-stream;q=0.5, " + MULTIPART, "multipart/mixed", "multipart/mixed"),
        ("text/event-stream, */*", "text/event-stream", "application/json"),
        ("text/event-stream;q=0, application/json", "application/json", "application/json"),
        ("multipart/mixed, application/json", "application/json", "application/json"),
        ("*/*", "application/json", "application/json"),
    ],
)
async def test_what_is_accepted_and_what_is_asked_decide_what_is_spoken(graphql, accept, subscription, query):
    for document, spoken in ((CPO, subscription), ("{ __typename }", query)):
        async with response(graphql, document, accept=accept) as answered:
            assert answered.headers["content-type"].partition(";")[0] == spoken


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*"])
async def test_a_subscription_is_not_answered_by_one_body(graphql, wire, accept):
    answer = await graphql.http.post("/graphql", json={"query": CPO}, headers={"accept": accept})

    assert answer.status_code == 406
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "NOT_ACCEPTABLE"
    assert "text/event-stream" in error["message"]
    assert wire.calls == {}


async def test_queries_and_mutations_are_one_event(graphql):
    mutation = 'mutation { bulkCreateLocations(input: {cpoId: "101", locations: []}) { job { id } } }'
    for document, data in (
        ("{ __typename }", {"__typename": "Query"}),
        (mutation, {"bulkCreateLocations": {"job": None}}),
    ):
        async with response(graphql, document) as stream:
            assert await stream.rest() == [{"data": data}]


async def test_a_browsers_event_source_uses_get_and_cannot_write(graphql):
    async with response(
        graphql, "", method="GET", query_string="query=subscription{cpoProvisioning(cpoId:101){status}}"
    ) as stream:
        assert await stream.rest() == [json.loads(READY)]
    answer = await graphql.http.get(
        "/graphql",
        params={"query": "mutation { deleteNothing }"},
        headers={"accept": "text/event-stream"},
    )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"  # not valid, and so not run
    mutation = 'mutation { bulkCreateLocations(input: {cpoId: "101", locations: []}) { job { id } } }'
    answer = await graphql.http.get(
        "/graphql", params={"query": mutation}, headers={"accept": "text/event-stream"}
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription($id: ID!) { cpoProvisioning(cpoId: $id) { status } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_refused_is_the_only_event(graphql, document, code):
    async with response(graphql, document) as stream:
        (event,) = await stream.rest()

    assert stream.status == 200
    assert [e["extensions"]["code"] for e in event["errors"]] == [code]
    assert "data" not in event


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{nope", "application/json", 400),
        (b"null", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 2000, "application/json", 413),
    ],
)
async def test_a_bad_envelope_is_json_with_its_status(wire, content, kind, status):
    async with facade(wire, max_request_bytes=1024) as client:
        answer = await client.http.post(
            "/graphql", content=content, headers={"accept": "text/event-stream", "content-type": kind}
        )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("accept", ["text/event-stream", MULTIPART])
async def test_hanging_up_cancels_the_operation(graphql, wire, accept):
    wire.delay_s = 3600
    async with response(graphql, CPO, accept=accept) as stream:
        await until(lambda: wire.sent)
        await stream.hang_up()


async def test_a_service_that_stops_says_so_and_completes(wire, endless):
    async with facade(wire) as client:
        async with response(client, CPO) as stream, response(client, CPO, accept=MULTIPART) as parts:
            await stream.event()
            await parts.chunk()
            await parts.chunk()
            client.app.state.stopping.say()
            (event,) = await stream.rest()
            last, closing = await chunks(parts)
            await stream.ended()

        assert event["errors"][0]["extensions"]["code"] == "REQUEST_CANCELLED"
        assert event["errors"][0]["extensions"]["retryable"] is True
        assert b'{"payload":null,"errors":[{' in last
        assert closing == b"--\r\n"


async def test_an_unexpected_fault_is_masked_and_ends_the_stream(wire, endless, monkeypatch, caplog):
    async with facade(wire) as client:
        monkeypatch.setattr("ocpplab_graphql.http.streams.anext", broken, raising=False)
        async with response(client, CPO) as stream:
            (event,) = await stream.rest()

    assert event["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "secret" not in json.dumps(event)


async def broken(*_):
    raise RuntimeError("secret")


async def test_a_service_that_stops_answers_a_query_that_is_streamed(wire):
    wire.delay_s = 0.2
    async with facade(wire) as client, response(client, "{ cpos { totalCount } }") as stream:
        await until(lambda: len(wire.sent) == 1)
        client.app.state.stopping.say()

        assert await chunks(stream) == [
            b":\n\n",
            b'event: next\ndata: {"data":{"cpos":{"totalCount":3}}}\n\n',
            b"event: complete\ndata:\n\n",
        ]
