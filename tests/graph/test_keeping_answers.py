"""What may be kept of an answer: a query by GET, whole, without a secret. And how it is compressed."""

import pytest

from ocpplab_graphql.http.compression import Compressed, accepts_gzip
from ocpplab_graphql.schema import SECRET_FIELDS, schema
from tests.conftest import facade

DEMO = {"authorization": "Bearer demo"}
CPOS = "{ cpos { nodes { cpoId namePrefix } } }"


async def got(graphql, query, **headers):
    return await graphql.http.get("/graphql", params={"query": query}, headers={**DEMO, **headers})


async def posted(graphql, query, **headers):
    return await graphql.http.post("/graphql", json={"query": query}, headers={**DEMO, **headers})


async def test_a_query_by_get_may_be_kept_and_is_asked_for_again_by_its_etag(graphql):
    first = await got(graphql, CPOS)
    etag = first.headers["etag"]
    again = await got(graphql, CPOS, **{"if-none-match": f'"x", W/{etag}'})
    other = await got(graphql, "{ cpos { totalCount } }", **{"if-none-match": etag})

    assert first.headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert etag.startswith('"')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert again.headers["vary"] == first.headers["vary"]
    assert "content-type" not in again.headers
    assert (other.status_code, other.headers["etag"] == etag) == (200, False)


async def test_the_time_for_which_an_answer_is_fresh_is_a_setting(wire):
    async with facade(wire, answer_max_age_s=30) as graphql:
        answer = await got(graphql, CPOS)

    assert answer.headers["cache-control"] == "private, max-age=30, must-revalidate"


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        (posted, CPOS, {}),
        (got, "{ cpo(cpoId: 0) { id } }", {}),
        (got, "{ nope }", {}),
        (got, "mutation { __typename }", {}),
        (got, CPOS, {"authorization": "Bearer nobody"}),
        (got, CPOS, {"x-gateway-trace": "calls"}),
        (got, '{ cpo(cpoId: "101") { reportMarkdown } }', {}),
        (got, '{ node(id: "CPO:101") { ...A } } fragment A on CPO { harmless: reportMarkdown }', {}),
        (got, "{ cpos { nodes { ... on CPO { ... { id x: reportMarkdown } } } } }", {}),
        (posted, '{ cpo(cpoId: "101") { reportMarkdown } }', {}),
    ],
)
async def test_everything_else_is_kept_nowhere(graphql, method, query, headers):
    answer = await method(graphql, query, **{"if-none-match": "*", **headers})

    assert answer.status_code != 304
    assert answer.headers["cache-control"].startswith("no-store")
    assert "etag" not in answer.headers


def test_the_secret_fields_are_those_of_the_schema():
    assert {name for _, name in SECRET_FIELDS} == {"reportMarkdown", "tokenA", "roamHelper"}
    for type_name, field_name in SECRET_FIELDS:
        assert field_name in schema._schema.get_type(type_name).fields


async def test_a_long_answer_is_compressed_for_those_who_accept_it(graphql):
    query = "{ cpos { nodes { locations { nodes { name address city } } } } }"
    plain = await got(graphql, query, **{"accept-encoding": "identity"})
    small = await got(graphql, query, **{"accept-encoding": "gzip"})
    short = await got(graphql, "{ __typename }", **{"accept-encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert (int(small.headers["content-length"]) < len(plain.content) / 2, small.json()) == (
        True,
        plain.json(),
    )
    assert "content-encoding" not in short.headers
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in (plain, small, short))
    assert small.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'


async def test_either_etag_of_a_compressed_answer_is_known_again(graphql):
    query = "{ cpos { nodes { locations { nodes { name address city } } } } }"
    small = await got(graphql, query, **{"accept-encoding": "gzip"})
    etag = small.headers["etag"]
    again = await got(graphql, query, **{"accept-encoding": "gzip", "if-none-match": etag})
    plain = await got(graphql, query, **{"accept-encoding": "identity", "if-none-match": etag})

    assert (again.status_code, again.headers["etag"]) == (304, etag)
    assert (plain.status_code, plain.headers["etag"]) == (304, etag.replace("-gzip", ""))
    assert "content-encoding" not in again.headers


async def test_an_answer_with_a_secret_is_not_compressed(wire):
    async with facade(wire, compression_min_bytes=0) as graphql:
        answer = await posted(
            graphql, '{ cpo(cpoId: "101") { reportMarkdown } }', **{"accept-encoding": "gzip"}
        )
        refused = await posted(graphql, "{ nope }", **{"accept-encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert refused.headers["content-encoding"] == "gzip"


async def test_the_schema_and_the_console_are_compressed(graphql):
    sdl = await graphql.http.get("/schema.graphql", headers={"accept-encoding": "br, gzip"})
    page = await graphql.http.get("/graphql", headers={"accept": "text/html"})
    script = (
        "/graphql/console/" + page.text.split("/graphql/console/index.")[1].join(["index.", ""]).split('"')[0]
    )
    twice = [await graphql.http.get(script, headers={"accept-encoding": "gzip"}) for _ in range(2)]

    assert sdl.headers["content-encoding"] == "gzip"
    assert "type Query" in sdl.text
    assert [answer.headers["content-encoding"] for answer in twice] == ["gzip", "gzip"]
    assert twice[0].content == twice[1].content
    assert "immutable" in twice[0].headers["cache-control"]


async def test_compression_can_be_switched_off(wire):
    async with facade(wire, compression=False) as graphql:
        sdl = await graphql.http.get("/schema.graphql", headers={"accept-encoding": "gzip"})

    assert (sdl.status_code, "content-encoding" in sdl.headers) == (200, False)


async def test_a_stream_is_never_compressed_and_never_waits(wire):
    async with facade(wire, compression_min_bytes=0) as graphql:
        answer = await posted(
            graphql,
            'subscription { cpoProvisioning(cpoId: "101") { status } }',
            **{"accept": "text/event-stream", "accept-encoding": "gzip"},
        )

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers


async def test_what_comes_in_parts_or_is_encoded_already_passes_as_it_is():
    async def in_parts(scope, receive, send):
        encoded = [(b"content-encoding", b"br")] if scope["path"] == "/br" else []
        headers = [(b"content-type", b"application/json"), *encoded]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if encoded:
            await send({"type": "http.response.body", "body": b"x" * 10_000})
        else:
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            await send({"type": "http.response.body", "body": b"y"})

    for path, parts in (("/", 2), ("/br", 1)):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        scope = {"type": "http", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
        await Compressed(in_parts, bytes_min=0)(scope, None, send)
        assert [message["type"] for message in sent[1:]] == ["http.response.body"] * parts
        assert sent[1]["body"] == b"x" * 10_000
        assert (b"content-encoding", b"gzip") not in sent[0]["headers"]


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP;Q=0.5, br", True),
        ("*", True),
        ("br, *;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=x", False),
        ("gzip;q=0.5, identity", False),
        ("identity;q=0.5, gzip", True),
        ("deflate, br", False),
    ],
)
def test_an_accept_encoding_asks_for_gzip(accept_encoding, accepted):
    assert accepts_gzip(accept_encoding) is accepted
