"""Compiled execution: what it covers, what it leaves to the ordinary executor, and at what cost."""

import json

import pytest

from ocpplab_graphql.execution.compiled.program import Program
from ocpplab_graphql.gateway.errors import GatewayTimeout
from ocpplab_graphql.gateway.transport import Reply
from tests.conftest import facade

LOCATIONS = '{ cpo(cpoId: "101") { locations(first: 2) { nodes { name city } } } }'


def reply(body):
    return Reply(200, {"content-type": "application/json"}, json.dumps(body).encode())


async def both(wire, query):
    """What the compiled and the ordinary way answer alike, with the same calls; and how it was executed."""
    answers, calls, executions = [], [], []
    for execution in ("compiled", "reference"):
        wire.sent.clear()
        async with facade(wire, execution=execution) as graphql:
            answers.append(json.dumps(await graphql(query, **{"x-request-id": "one"})))
            calls.append(sorted(wire.sent))
            executions.append(dict(graphql.app.state.execution_counts))
    assert answers[0] == answers[1]
    assert calls[0] == calls[1]
    return json.loads(answers[0]), executions[0]


async def test_a_query_is_compiled_when_it_is_seen_again(wire):
    async with facade(wire, compile_after=2) as graphql:
        for _ in range(3):
            await graphql(LOCATIONS)

        assert graphql.app.state.execution_counts == {"cold": 1, "compiled": 2}


async def test_each_reading_of_skip_and_include_is_a_plan_of_its_own(wire):
    query = 'query ($c: Boolean!) { cpo(cpoId: "101") { id namePrefix @include(if: $c) } }'
    async with facade(wire, compile_after=2) as graphql:
        answers = [await graphql(query, {"c": c}) for c in (True, False, True, False)]

    assert [sorted(a["data"]["cpo"]) for a in answers] == [["id", "namePrefix"], ["id"]] * 2
    assert graphql.app.state.execution_counts == {"cold": 2, "compiled": 2}


async def test_variables_are_no_part_of_a_plan(wire):
    query = 'query ($n: Int!) { cpo(cpoId: "101") { locations(first: $n) { nodes { id } } } }'
    async with facade(wire) as graphql:
        sizes = [
            len((await graphql(query, {"n": n}))["data"]["cpo"]["locations"]["nodes"]) for n in (1, 5, 3)
        ]

    assert sizes == [1, 5, 3]
    assert graphql.app.state.execution_counts == {"compiled": 3}


async def test_a_damaged_row_is_answered_by_the_ordinary_executor_over_what_was_fetched(wire):
    damaged = {"data": [{"id": "a", "name": 7, "city": "Paris"}], "total": 1, "page": 1, "limit": 2}
    wire.answer = lambda _method, target: reply(damaged) if "/locations" in target else None

    answer, executions = await both(wire, LOCATIONS)

    assert answer["data"]["cpo"]["locations"]["nodes"] == [{"name": None, "city": "Paris"}]
    assert [e["path"] for e in answer["errors"]] == [["cpo", "locations", "nodes", 0, "name"]]
    assert executions == {"damaged": 1}


async def test_a_call_that_fails_is_not_made_again_for_the_ordinary_executor(wire):
    wire.answer = lambda _method, target: GatewayTimeout("late") if "/locations" in target else None

    answer, executions = await both(wire, LOCATIONS)

    assert [e["extensions"]["code"] for e in answer["errors"]] == ["GATEWAY_TIMEOUT"]
    assert executions == {"failed": 1}


async def test_what_a_summary_lacks_is_read_from_the_full_record(wire):
    row = {
        "id": "a",
        "ocpp_location_id": "ocpp-loc-1",
        "chargers": [
            {"id": "dep-1", "identity": "X"},
            {"id": "dep-2", "identity": "Y", "connector_type": "T"},
        ],
    }
    page = {"data": [row], "total": 1, "page": 1, "limit": 1}
    wire.answer = lambda _method, target: reply(page) if "/ocpi/cpos/101/locations" in target else None
    query = (
        '{ cpo(cpoId: "101") { locations(first: 1) { nodes { '
        "chargers { nodes { identity connectorType } edges { cursor node { id } } } } } } }"
    )

    answer, executions = await both(wire, query)

    nodes = answer["data"]["cpo"]["locations"]["nodes"][0]["chargers"]["nodes"]
    assert [n["identity"] for n in nodes] == ["X", "Y"]
    assert nodes[0]["connectorType"] is not None
    assert nodes[1]["connectorType"] == "T"
    assert executions == {"compiled": 1}


async def test_a_defect_of_the_compiled_way_costs_nobody_the_answer(wire, monkeypatch, caplog):
    async def data(self, run):
        raise ZeroDivisionError

    monkeypatch.setattr(Program, "data", data)

    answer, executions = await both(wire, LOCATIONS)

    assert "errors" not in answer
    assert executions == {"defect": 1}


@pytest.mark.parametrize(
    "query",
    [
        "{ __typename __schema { queryType { name } } }",
        '{ node(id: "Provisioning:CPO:101") { id } }',
    ],
)
async def test_what_is_not_covered_is_answered_all_the_same(wire, query):
    answer, executions = await both(wire, query)

    assert "errors" not in answer
    assert "compiled" not in executions


async def test_a_lookup_that_finds_nothing_is_null_by_the_compiled_way_too(wire):
    query = '{ a: cpo(cpoId: "999") { id namePrefix } b: cpo(cpoId: "998") { locations { totalCount } } }'

    answer, executions = await both(wire, query)

    assert answer == {"data": {"a": None, "b": None}}
    assert executions == {"compiled": 1}


async def test_keys_that_are_words_of_python_are_keys_like_others(wire):
    query = '{ class: cpo(cpoId: "101") { def: id None: namePrefix __import__: cpoId lambda: __typename } }'

    answer, executions = await both(wire, query)

    assert list(answer["data"]["class"]) == ["def", "None", "__import__", "lambda"]
    assert executions == {"compiled": 1}


async def test_unusual_ids_are_spelt_alike(wire):
    row = {"id": "a b é:%", "chargers": [{"id": "~ ü", "identity": "X"}]}
    page = {"data": [row], "total": 1, "page": 1, "limit": 1}
    wire.answer = lambda _method, target: reply(page) if "/ocpi/cpos/101/locations" in target else None

    answer, executions = await both(
        wire, '{ cpo(cpoId: "101") { locations(first: 1) { nodes { id chargers { nodes { id } } } } } }'
    )

    node = answer["data"]["cpo"]["locations"]["nodes"][0]
    assert node["id"] == "Location:101:a%20b%20%C3%A9%3A%25"
    assert node["chargers"]["nodes"][0]["id"] == "Charger:~%20%C3%BC"
    assert executions == {"compiled": 1}


TEXTS = ['"', "\\", "\n", "\x00", "\x7f", "</script>", "é", "\u2028", "😀", "plain", ""]


@pytest.mark.parametrize("escapes_all", [False, True], ids=["as it is", "escaped to ASCII"])
@pytest.mark.parametrize("text", TEXTS)
async def test_text_of_the_gateway_comes_out_as_it_went_in(wire, text, escapes_all):
    row = {"id": "a", "name": text, "city": f"in {text}", "chargers": [{"id": "x", "identity": f"{text}1"}]}
    page = {"data": [row], "total": 1, "page": 1, "limit": 1}
    body = json.dumps(page, ensure_ascii=escapes_all).encode()
    wire.answer = lambda _m, target: (
        Reply(200, {"content-type": "application/json"}, body)
        if "/ocpi/cpos/101/locations" in target
        else None
    )
    query = (
        '{ cpo(cpoId: "101") { locations(first: 1) { nodes { name city } '
        "edges { node { chargers { edges { node { identity } } } } } } } }"
    )

    answer, executions = await both(wire, query)

    locations = answer["data"]["cpo"]["locations"]
    assert locations["nodes"] == [{"name": text, "city": f"in {text}"}]
    assert locations["edges"][0]["node"]["chargers"]["edges"] == [{"node": {"identity": f"{text}1"}}]
    assert executions == {"compiled": 1}


async def test_an_id_of_the_client_is_quoted_though_no_reply_holds_what_json_escapes(wire):
    wire.answer = lambda _m, target: reply({"status": "READY"}) if target.endswith("/status") else None

    answer, executions = await both(
        wire, """{ charger(chargerId: "a\\"b") { id chargerId provisioning { status } } }"""
    )

    charger = {"id": "Charger:a%22b", "chargerId": 'a"b', "provisioning": {"status": "READY"}}
    assert answer == {"data": {"charger": charger}}
    assert executions == {"compiled": 1}


@pytest.mark.parametrize(
    "number", ["0", "-0.0", "1e-7", "0.0001", "1e16", "12345678901234567", "-33.8688", "5E2"]
)
async def test_numbers_are_written_alike(wire, number):
    body = f'{{"id": "a", "coordinates": {{"latitude": {number}, "longitude": 2}}}}'.encode()
    wire.answer = lambda _m, target: (
        Reply(200, {"content-type": "application/json"}, body) if "/locations/" in target else None
    )

    answer, executions = await both(
        wire, '{ location(cpoId: "101", locationId: "a") { coordinates { latitude longitude } } }'
    )

    assert answer["data"]["location"]["coordinates"] == {"latitude": float(number), "longitude": 2.0}
    assert executions == {"compiled": 1}


@pytest.mark.parametrize(
    "below", ["nodes { id }", "nodes { id identity name }"], ids=["made where its owner is", "read further"]
)
async def test_a_cursor_of_another_list_is_a_mistake_where_there_is_no_list_too(wire, below):
    wire.answer = lambda _m, target: reply({"id": "a", "chargers": None}) if "/locations/" in target else None

    answer, _ = await both(
        wire,
        '{ location(cpoId: "101", locationId: "a") { chargers(before: "197b7e687.1.5df2") {'
        + below
        + "} } }",
    )

    assert answer["data"] == {"location": {"chargers": None}}
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_a_cursor_of_another_list_is_a_mistake_before_a_job_has_created_anything(wire):
    wire.answer = lambda _m, target: (
        reply({"job_id": "j", "status": "PENDING"}) if "/jobs/" in target else None
    )

    answer, _ = await both(
        wire,
        '{ bulkLocationJob(cpoId: "101", jobId: "j") { locations(before: "197b7e687.1.5df2") { nodes { name } } } }',
    )

    assert answer["data"] == {"bulkLocationJob": {"locations": None}}
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_a_null_where_none_may_be_is_the_clients_mistake_and_no_defect(wire, caplog):
    query = 'query ($id: ID = "101") { cpo(cpoId: $id) { cpoId } }'
    async with facade(wire) as graphql:
        answer = await graphql(query, {"id": None})

        assert [e["extensions"]["code"] for e in answer["errors"]] == ["BAD_USER_INPUT"]
        assert graphql.app.state.execution_counts == {"refused": 1}
    assert caplog.records == []
