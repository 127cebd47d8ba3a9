"""
Documents and variables made to hurt: refused soon, in little memory, and without an error of ours.

Times are of the processor, the shortest of three: what else runs on the machine is not in them.
"""

import gc
import hashlib
import json
import time
import tracemalloc

import pytest

from ocpplab_graphql.gateway.transport import Reply
from tests.conftest import facade

SOON_S = 0.1
SLACK = 2.5  # slow machines
MEMORY_BYTES = 32 * 1024 * 1024


def fragments(count, body):
    return " ".join(f"fragment F{n} on Query {{ {body(n)} }}" for n in range(count))


TYPES = "types { name fields { name args { name type { name } } } }"
REFUSED = {
    "deep fields": ("{ cpos { nodes { " + "locations { nodes { cpo { " * 15 + "id" + " } } }" * 15 + " } } }", "OPERATION_TOO_COMPLEX"),
    "deep braces": ("{" * 50_000, "OPERATION_TOO_COMPLEX"),
    "deep lists": ("{ nodes(ids: " + "[" * 50_000 + ") { id } }", "OPERATION_TOO_COMPLEX"),
    "deep types of variables": ("query($x: " + "[" * 50_000 + "ID" + "]" * 50_000 + ") { __typename }", "OPERATION_TOO_COMPLEX"),
    "deep objects": ("{ x(a: " + "{a:" * 50_000 + "1" + "}" * 50_000 + ") }", "OPERATION_TOO_COMPLEX"),
    "wide": ("{" + " ".join(f"a{n}: __typename" for n in range(3_000)) + "}", "OPERATION_TOO_COMPLEX"),
    "repeated": ("{" + " cpos { totalCount }" * 2_000 + "}", "OPERATION_TOO_COMPLEX"),
    "cycle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    "cycle through fields": ("{ cpos { nodes { ...A } } } fragment A on CPO { locations { nodes { cpo { ...A } } } }", "GRAPHQL_VALIDATION_FAILED"),
    "long cycle": ("{ ...F0 } " + fragments(400, lambda n: f"...F{(n + 1) % 400}"), "GRAPHQL_VALIDATION_FAILED"),
    "bush": ("{ ...F0 } " + fragments(60, lambda n: f"a: cpos {{ totalCount }} ...F{n + 1} ...F{n + 1}" if n < 59 else "__typename"), None),
    "exponential": ("{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ a: __schema {{ {TYPES} }} ...F{n + 1} ... on Query {{ ...F{n + 1} }} }}" for n in range(40)) + " fragment F40 on Query { __typename }", None),
    "unused fragments": ("{ __typename } " + fragments(1_200, "cpos {{ totalCount }}".format), "OPERATION_TOO_COMPLEX"),
    "huge": ("{" + "a " * 400_000 + "}", "OPERATION_TOO_COMPLEX"),
    "many operations": (" ".join(f"query Q{n} {{ __typename }}" for n in range(1_500)), "OPERATION_TOO_COMPLEX"),
    "many of the same name": ("query Q { __typename } " * 1_500, "OPERATION_TOO_COMPLEX"),
    "directives": ("{ __typename " + "@include(if: true) " * 1_400 + "}", "GRAPHQL_VALIDATION_FAILED"),
    "unknown directives": ("{ __typename " + "@a " * 4_000 + "}", "GRAPHQL_VALIDATION_FAILED"),
    "unknown fields": ("{" + " ".join(f"cpoz{n}" for n in range(200)) + "}", "GRAPHQL_VALIDATION_FAILED"),
    "unknown arguments": ("{ cpos(" + " ".join(f"firzt{n}: 1" for n in range(2_000)) + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "unknown variables": ("query(" + " ".join(f"$v{n}: Strin" for n in range(2_000)) + ") { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    "introspection": ("{" + " ".join(f"a{n}: __schema {{ {TYPES} }}" for n in range(200)) + "}", "OPERATION_TOO_COMPLEX"),
    "introspection inside": ("{ __schema {" + " ".join(f"a{n}: {TYPES}" for n in range(80)) + "} }", "OPERATION_TOO_COMPLEX"),
    "comments": ("#" + "x" * 900_000 + "\n{", "GRAPHQL_PARSE_FAILED"),
    "many comments": ("#\n" * 300_000 + "{", None),
    "commas": ("," * 900_000, "GRAPHQL_PARSE_FAILED"),
    "block string": ('{ node(id: """' + "\\n  x" * 100_000, "GRAPHQL_PARSE_FAILED"),
    "many block strings": ('"""' * 150_000, "GRAPHQL_PARSE_FAILED"),
    "quotes": ('"' * 400_000, "GRAPHQL_PARSE_FAILED"),
    "backslashes": ('{ node(id: "' + "\\\\" * 200_000, "GRAPHQL_PARSE_FAILED"),
    "escapes": ('{ node(id: "' + "\\u0041" * 100_000 + '\\uD800") { id } }', "GRAPHQL_PARSE_FAILED"),
    "long name": ("{ " + "a" * 900_000 + " }", "GRAPHQL_VALIDATION_FAILED"),
    "long number": ("{ cpos(first: 1" + "0" * 900_000 + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "long fraction": ("{ cpos(first: 1." + "0" * 5_000 + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "large exponent": ("{ cpos(first: 1e999999999) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "nul": ("{ \x00 }", "GRAPHQL_PARSE_FAILED"),
    "byte order marks": ("\ufeff" * 100_000 + "}", "GRAPHQL_PARSE_FAILED"),
    "right to left": ("{ \u202e__typename }", "GRAPHQL_PARSE_FAILED"),
    "look-alike": ("{ __typen\u0430me }", "GRAPHQL_PARSE_FAILED"),
}  # fmt: skip


async def ask(graphql, body):
    started = time.thread_time()
    response = await graphql.http.post("/graphql", content=body, headers={"content-type": "application/json", "authorization": "Bearer demo"})  # fmt: skip
    return response, time.thread_time() - started


@pytest.fixture
async def unmemoised(wire):
    """A facade that forgets each document at once: what is measured is the first sight of it."""
    async with facade(wire, document_cache_size=1) as client:
        yield client


@pytest.mark.parametrize("name", REFUSED)
async def test_a_hostile_document_is_refused_soon_and_in_little_memory(unmemoised, wire, name):
    text, code = REFUSED[name]
    body = json.dumps({"query": text}).encode()
    other = json.dumps({"query": "{ __typename }"}).encode()
    took = []
    for _ in range(3):
        response, seconds = await ask(unmemoised, body)
        took.append(seconds)
        await ask(unmemoised, other)
    tracemalloc.start()
    try:
        await ask(unmemoised, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    answer = response.json()
    assert response.status_code == 200
    if code is None:
        assert {error["extensions"]["code"] for error in answer.get("errors", [])} <= {"OPERATION_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"}  # fmt: skip
    else:
        assert {error["extensions"]["code"] for error in answer["errors"]} == {code}
        assert "data" not in answer
    assert wire.sent == [] or code is None
    assert min(took) < SOON_S * SLACK
    assert peak < MEMORY_BYTES
    assert len(response.content) < 64 * 1024


QUERY = "query($id: ID!, $n: Int, $ids: [ID!]! = [], $filter: String) { node(id: $id) { id } cpos(first: $n, after: $filter) { totalCount } nodes(ids: $ids) { id } }"
NESTED = "x"
for _ in range(300):
    NESTED = [NESTED]

VARIABLES = {
    "deep": {"id": "CPO:101", "ids": NESTED},
    "wide list": {"id": "CPO:101", "ids": ["x"] * 200_000},
    "many errors": {"id": "CPO:101", "ids": [{"a": 1}] * 100_000},
    "errors within the limit": {"id": "CPO:101", "ids": [{"a": 1}] * 24_000},
    "nulls": {"id": "CPO:101", "ids": [None] * 150_000},
    "huge text": {"id": "x" * 900_000},
    "huge cursor": {"id": "CPO:101", "filter": "x" * 900_000},
    "wrong types": {"id": {"a": []}, "n": "x" * 900_000},
    "unknown": {"id": "CPO:101", **{f"v{n}": n for n in range(50_000)}},
    "equal hashes": {"id": "CPO:101", **{f"{'Aa' * k}{'BB' * (12 - k)}{n}": 1 for n in range(2_000) for k in range(12)}},
}  # fmt: skip


@pytest.mark.parametrize("name", VARIABLES)
async def test_hostile_variables_are_the_callers_mistake_soon_told(graphql, name):
    body = json.dumps({"query": QUERY, "variables": VARIABLES[name]}).encode()
    assert len(body) <= 1024 * 1024
    await ask(graphql, json.dumps({"query": QUERY, "variables": {"id": "CPO:101"}}).encode())
    took = []
    for _ in range(3):
        response, seconds = await ask(graphql, body)
        took.append(seconds)

    codes = {error["extensions"]["code"] for error in response.json().get("errors", [])}
    assert response.status_code in {200, 400}
    assert codes <= {"BAD_USER_INPUT", "OPERATION_TOO_COMPLEX"}
    assert len(response.content) < 64 * 1024
    assert min(took) < SOON_S * SLACK


@pytest.mark.parametrize(
    "value", ["1" + "0" * 5000, "1e400", "-1e400", "1" + "0" * 100, "9007199254740993", "1.0", "true", '"\\ud800"', "[" * 200 + "]" * 200]
)  # fmt: skip
@pytest.mark.parametrize("variable", ["id", "n"])
async def test_odd_numbers_are_no_fault_of_ours(graphql, variable, value):
    body = f'{{"query": {json.dumps(QUERY)}, "variables": {{"{variable}": {value}}}}}'.encode()
    response, _ = await ask(graphql, body)

    assert response.status_code in {200, 400}
    assert {e["extensions"]["code"] for e in response.json()["errors"]} <= {"BAD_USER_INPUT", "BAD_REQUEST"}


@pytest.mark.parametrize(
    "body",
    [b"[" * 500_000, b'{"a":' * 150_000, b'{"query": ' + b"[" * 1000 + b"]" * 1000 + b"}", b'"' * 900_000, b"{" + b'"a":1,' * 150_000 + b'"b":1}', b"-" * 900_000, b"1" * 900_000],
)  # fmt: skip
async def test_a_hostile_body_is_refused_soon(graphql, body):
    took = []
    for _ in range(3):
        response, seconds = await ask(graphql, body)
        took.append(seconds)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert min(took) < SOON_S * SLACK


async def test_a_flood_of_documents_to_register_is_bounded(wire):
    async with facade(wire, persisted_entries_max=50, persisted_bytes_max=64 * 1024) as graphql:
        tracemalloc.start()
        try:
            for n in range(120):
                text = f"{{ a{n}: __typename }} # " + "x" * 10_000
                extension = {
                    "persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}
                }
                response, _ = await ask(
                    graphql, json.dumps({"query": text, "extensions": extension}).encode()
                )
                assert response.status_code == 200
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert held < MEMORY_BYTES


@pytest.mark.parametrize("end", ["", ":"], ids=["text", "text like a global id"])
async def test_long_texts_of_clients_are_kept_nowhere(wire, end):
    query = 'query($a: String) { charger(chargerId: "x") { logs(action: $a) { totalCount } } }'
    page = {"data": [], "total": 0, "limit": 1, "offset": 0}

    def answer(_method, target):
        said = page if "/logs" in target else {"id": "x", "identity": "X"}
        return Reply(200, {}, json.dumps(said).encode())

    wire.answer = answer
    async with facade(wire) as graphql:
        tracemalloc.start()
        try:
            for n in range(60):
                action = f"{n}" + "x" * 400_000 + end
                response, _ = await ask(
                    graphql, json.dumps({"query": query, "variables": {"a": action}}).encode()
                )
                assert response.json() == {"data": {"charger": {"logs": {"totalCount": 0}}}}
                wire.sent.clear()
            gc.collect()  # what is garbage is not kept
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert held < MEMORY_BYTES / 4
