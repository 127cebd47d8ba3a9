"""Documents sent by their ids, in the three dialects of clients, by POST and by GET."""

import json

import pytest

from ocpplab_graphql.execution.manifest import sha256_of
from ocpplab_graphql.shared import InProcess, SharedStateUnavailable
from tests.conftest import facade
from tests.graph.streaming import socket

PING = "query Ping { __typename }"
HASH = sha256_of(PING)
ANSWER = {"data": {"__typename": "Query"}}
NEW = {"accept": "application/graphql-response+json"}


def apollo(digest=HASH, **more):
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


async def sent(graphql, body, method="POST", **headers):
    if method == "POST":
        return await graphql.http.post("/graphql", json=body, headers=headers)
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    return await graphql.http.get("/graphql", params=params, headers=headers)


def said(response):
    error = response.json()["errors"][0]
    return error["extensions"]["code"], error["message"]


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"relay-1": PING, "cpos": "{ cpos { totalCount } }"}))
    return path


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_client_registers_a_document_and_then_sends_its_hash_alone(graphql, method):
    missed = await sent(graphql, apollo(), method)
    registered = await sent(graphql, apollo(query=PING), method)
    found = await sent(graphql, apollo(), method)

    assert said(missed) == ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert (missed.status_code, missed.headers["cache-control"]) == (200, "no-store")
    assert registered.json() == found.json() == ANSWER


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": HASH},
        {"documentId": f"sha256:{HASH}"},
        {"documentId": f"sha256:{HASH.upper()}"},
        {"doc_id": HASH},
        apollo(HASH.upper()),
        {"documentId": HASH, **apollo()},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_every_dialect_finds_what_was_registered(graphql, body, method):
    assert said(await sent(graphql, body, method))[1] == "PersistedQueryNotFound"
    await sent(graphql, apollo(query=PING))

    assert (await sent(graphql, body, method)).json() == ANSWER


async def test_a_miss_is_400_in_the_new_media_type_and_never_kept(graphql):
    missed = await sent(graphql, apollo(), "GET", **NEW)

    assert (missed.status_code, missed.headers["cache-control"]) == (400, "no-store")
    assert "etag" not in missed.headers
    vary = missed.headers["vary"]
    assert all(name in vary for name in ("Authorization", "X-Organization-Id", "Accept"))


@pytest.mark.parametrize("query", ["{ nope", "{ nope }"])
async def test_only_documents_that_could_be_executed_are_registered(graphql, query):
    digest = sha256_of(query)
    refused = await sent(graphql, apollo(digest, query=query))

    assert said(refused)[0] in {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert said(await sent(graphql, apollo(digest)))[0] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        apollo("0" * 64, query=PING),
        apollo("", query=PING),
        apollo(1),
        apollo(None),
        {"extensions": {"persistedQuery": 1}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
        {"documentId": 1},
        {"documentId": ""},
        {"documentId": "x" * 513},
        {"doc_id": []},
        {"doc_id": "a", "documentId": "b"},
        {"documentId": HASH, "query": PING},
    ],
)
async def test_an_id_that_can_be_none_is_a_bad_request(graphql, body):
    response = await sent(graphql, body)

    assert (response.status_code, said(response)[0]) == (400, "BAD_REQUEST")


async def test_a_mutation_by_its_hash_needs_post(graphql):
    mutation = 'mutation { deleteCPO(input: {cpoId: "x"}) { deletedId } }'
    digest = sha256_of(mutation)
    by_get = await sent(graphql, apollo(digest, query=mutation), "GET")
    await sent(graphql, apollo(digest, query=mutation))

    assert (by_get.status_code, said(by_get)[0]) == (405, "METHOD_NOT_ALLOWED")
    assert (await sent(graphql, apollo(digest), "GET")).status_code == 405


async def test_what_is_registered_is_bounded(wire):
    async with facade(wire, persisted_entries_max=2) as graphql:
        texts = [f"{{ a{n}: __typename }}" for n in range(3)]
        for text in texts:
            await sent(graphql, apollo(sha256_of(text), query=text))

        found = [(await sent(graphql, apollo(sha256_of(text)))).json() for text in texts]
    assert ["data" in answer for answer in found] == [False, True, True]


async def test_a_service_without_registration_says_so_and_still_takes_texts(wire):
    async with facade(wire, automatic_persisted_queries=False) as graphql:
        by_hash = await sent(graphql, apollo())
        by_text = await sent(graphql, apollo(query=PING))

    assert said(by_hash) == ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    assert by_text.json() == ANSWER


@pytest.mark.parametrize("mode", ["allow", "only"])
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "relay-1"},
        {"documentId": f"sha256:{HASH}"},
        {"doc_id": "relay-1"},
        apollo("relay-1"),
        apollo(),
        apollo(query=PING),
        {"query": PING},
    ],
)
async def test_trusted_documents_are_found_in_every_dialect(wire, manifest, mode, method, body):
    async with facade(wire, trusted_documents=mode, trusted_documents_file=manifest) as graphql:
        assert (await sent(graphql, body, method)).json() == ANSWER


async def test_with_only_trusted_documents_nothing_else_is_executed_or_registered(wire, manifest):
    other = "{ a: __typename }"
    async with facade(wire, trusted_documents="only", trusted_documents_file=manifest) as graphql:
        refused = [
            await sent(graphql, body, method)
            for body in (
                {"query": other},
                {"query": "{ __schema { queryType { name } } }"},
                {"documentId": "unknown"},
                apollo(sha256_of(other), query=other),
                apollo(sha256_of(other)),
            )
            for method in ("POST", "GET")
        ]
        async with socket(graphql) as opened:
            await opened.subscribe('subscription { cpoProvisioning(cpoId: "101") { status } }')
            over_socket = await opened.receive()

    assert {said(response)[0] for response in refused} == {"DOCUMENT_NOT_ALLOWED"}
    assert over_socket["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_ALLOWED"


async def test_with_trusted_documents_allowed_others_are_executed_and_registered_too(wire, manifest):
    other = "{ a: __typename }"
    async with facade(wire, trusted_documents="allow", trusted_documents_file=manifest) as graphql:
        by_text = await sent(graphql, apollo(sha256_of(other), query=other))
        by_hash = await sent(graphql, apollo(sha256_of(other)))
        unknown = await sent(graphql, {"documentId": "unknown"})

    assert by_text.json() == by_hash.json() == {"data": {"a": "Query"}}
    assert said(unknown)[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_socket_takes_documents_by_id_too(graphql):
    await sent(graphql, apollo(query=PING))
    async with socket(graphql) as opened:
        await opened.send({"type": "subscribe", "id": "1", "payload": apollo()})
        found = await opened.received(2)
        await opened.send({"type": "subscribe", "id": "2", "payload": {"documentId": "unknown"}})
        missed = await opened.receive()

    assert found[0] == {"type": "next", "id": "1", "payload": ANSWER}
    assert (missed["type"], missed["payload"][0]["message"]) == ("error", "PersistedQueryNotFound")


class Broken(InProcess):
    """A shared store out of reach."""

    async def get(self, *_):
        raise SharedStateUnavailable("Redis: ConnectionError")

    async def set(self, *_, **__):
        raise SharedStateUnavailable("Redis: ConnectionError")


async def test_processes_share_what_is_registered(wire, monkeypatch):
    far = InProcess(entries_max=100, bytes_max=2**20)
    monkeypatch.setattr("ocpplab_graphql.app.shared_of", lambda _settings: far)
    async with facade(wire) as one, facade(wire) as two:
        await sent(one, apollo(query=PING))

        assert (await sent(two, apollo())).json() == ANSWER
        # A store that others can write to is not believed.
        await far.set(f"document:{sha256_of('x')}", PING.encode(), ttl_s=60)
        assert said(await sent(two, apollo(sha256_of("x"))))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_without_the_shared_store_each_process_serves_its_own(wire, monkeypatch):
    far = Broken(entries_max=100, bytes_max=2**20)
    monkeypatch.setattr("ocpplab_graphql.app.shared_of", lambda _settings: far)
    async with facade(wire) as graphql:
        missed = await sent(graphql, apollo())
        await sent(graphql, apollo(query=PING))

        assert said(missed)[0] == "PERSISTED_QUERY_NOT_FOUND"
        assert (await sent(graphql, apollo())).json() == ANSWER


async def test_a_page_for_browsers_does_not_hide_an_answer(graphql):
    accept = {"accept": "text/html,*/*;q=0.8"}
    await sent(graphql, apollo(query=PING))

    for body in ({"documentId": HASH}, {"doc_id": HASH}, apollo()):
        assert (await sent(graphql, body, "GET", **accept)).json() == ANSWER
