"""The envelope: whatever is sent, the answer is a GraphQL body with the right status."""

import asyncio

import pytest

PING = '{"query":"{ __typename }"}'
JSON = {"content-type": "application/json"}


async def post(graphql, body, **headers):
    return await graphql.http.post("/graphql", content=body, headers={**JSON, **headers})


def code(response):
    return response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "expected"),
    [
        ("null", {}, 400, "BAD_REQUEST"),
        ("42", {}, 400, "BAD_REQUEST"),
        ('"x"', {}, 400, "BAD_REQUEST"),
        ("[]", {}, 400, "BAD_REQUEST"),
        (f"[{PING}]", {}, 400, "BAD_REQUEST"),
        ("{", {}, 400, "BAD_REQUEST"),
        ("", {}, 400, "BAD_REQUEST"),
        ("{}", {}, 400, "BAD_REQUEST"),
        ('{"query": null}', {}, 400, "BAD_REQUEST"),
        ('{"query": 1}', {}, 400, "BAD_REQUEST"),
        ('{"query": "{ __typename }", "variables": []}', {}, 400, "BAD_REQUEST"),
        ('{"query": "{ __typename }", "operationName": 1}', {}, 400, "BAD_REQUEST"),
        ('{"query": "{ __typename }", "extensions": "x"}', {}, 400, "BAD_REQUEST"),
        ('{"query": "é"}'.encode("latin-1"), {}, 400, "BAD_REQUEST"),
        ("[" * 100_000, {}, 400, "BAD_REQUEST"),
        (PING, {"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (PING, {"content-type": ""}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (PING, {"content-type": "application/json; charset=latin-1"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (PING, {"content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (PING, {"accept": "text/csv"}, 406, "NOT_ACCEPTABLE"),
        (" " * (1024 * 1024 + 1), {}, 413, "PAYLOAD_TOO_LARGE"),
        (PING, {"authorization": "Bearer é".encode("latin-1")}, 400, "BAD_REQUEST"),
    ],
)
async def test_an_envelope_that_does_not_fit_is_refused(graphql, body, headers, status, expected):
    response = await post(graphql, body, **headers)

    assert (response.status_code, code(response)) == (status, expected)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/graphql-response+json"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ nope", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { a: __typename } query B { b: __typename }", "BAD_REQUEST"),
    ],
)
async def test_a_refused_document_is_400_only_in_the_new_media_type(graphql, accept, query, expected):
    response = await graphql.http.post(
        "/graphql", json={"query": query}, headers={"accept": accept} if accept else {}
    )

    assert code(response) == expected
    assert "data" not in response.json()
    assert response.status_code == (400 if accept == "application/graphql-response+json" else 200)


async def test_get_is_for_queries(graphql):
    query = await graphql.http.get(
        "/graphql",
        params={"query": "query($a: Boolean!) { __typename @include(if: $a) }", "variables": '{"a": true}'},
    )
    mutation = await graphql.http.get("/graphql", params={"query": "mutation { __typename }"})

    assert query.json() == {"data": {"__typename": "Query"}}
    assert (mutation.status_code, mutation.headers["allow"], code(mutation)) == (
        405,
        "POST",
        "METHOD_NOT_ALLOWED",
    )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_told_which_are_allowed(graphql, method):
    response = await graphql.http.request(method, "/graphql")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_a_request_id_is_repeated_if_it_is_safe(graphql):
    own = await post(graphql, PING, **{"x-request-id": "abc-1.2_3"})
    unsafe = await post(graphql, PING, **{"x-request-id": "a\tb" * 40})

    assert own.headers["x-request-id"] == "abc-1.2_3"
    assert len(unsafe.headers["x-request-id"]) == 16


async def test_a_browser_gets_the_page_and_a_query_in_the_address_an_answer(graphql):
    accept = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

    page = await graphql.http.get("/graphql", headers=accept)
    answer = await graphql.http.get("/graphql?query={__typename}", headers=accept)

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_a_caller_who_hangs_up_cancels_the_calls(graphql, wire):
    wire.delay_s = 60
    sent, messages = [], [{"type": "http.request", "body": b'{"query":"{ cpos { totalCount } }"}'}]

    async def receive():
        if messages:
            return messages.pop()
        await wire.begun.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer demo")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await asyncio.wait_for(graphql.http._transport.app(scope, receive, send), timeout=5)

    assert (sent, len(wire.sent), wire.cancelled) == ([], 1, 1)


async def test_too_deep_and_too_long_documents_say_the_limit(graphql):
    deep = await graphql.http.post("/graphql", json={"query": "{" * 65 + "}" * 65})
    long = await graphql.http.post("/graphql", json={"query": "{ " + "a " * 10_001 + "}"})

    assert (code(deep), code(long)) == ("OPERATION_TOO_COMPLEX", "OPERATION_TOO_COMPLEX")
    assert "64" in deep.json()["errors"][0]["message"]
    assert "10000" in long.json()["errors"][0]["message"]
