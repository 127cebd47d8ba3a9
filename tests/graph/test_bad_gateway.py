"""A gateway that is down, slow, or talks nonsense: what fails is null with a code, and the rest stands."""

import json
import logging

import pytest

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from tests.conftest import facade, route_of

JOB = "4f6b5e0e-7d1a-4b0a-9c2e-abc123456789"
# Per route, a field that needs it alone.
FIELDS = {
    "/ocpi/cpos": "cpos { totalCount }",
    "/ocpi/cpos/{cpo_id}": 'cpo(cpoId: "101") { namePrefix }',
    "/ocpi/cpos/{cpo_id}/locations/{location_id}": 'location(cpoId: "101", locationId: "loc-1") { name }',
    "/ocpi/cpos/{cpo_id}/locations/jobs/{job_id}": f'bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ status }}',
    "/ocpp/chargers": "chargers { totalCount }",
    "/ocpp/chargers/{charger_id}": 'charger(chargerId: "dep-1") { name }',
    "/ocpi/templates/cpos": "cpoTemplates { slug }",
    "/ocpp/templates/locations": "locationTemplates { slug }",
}
# Per route, a field below a node that stands.
FIELDS_BELOW = {
    "/ocpi/cpos/{cpo_id}/status": ("provisioning { status }", "provisioning"),
    "/ocpi/cpos/{cpo_id}/report": ("reportMarkdown", "reportMarkdown"),
    "/ocpi/cpos/{cpo_id}/locations": ("locations { totalCount }", "locations"),
}
FAULTS = {
    "down": (TransportFailed("no connection", sent=False), "GATEWAY_UNAVAILABLE"),
    "lost": (TransportFailed("connection lost", sent=True), "GATEWAY_UNAVAILABLE"),
    "too large": (GatewayInvalidResponse("The gateway sent too much."), "GATEWAY_INVALID_RESPONSE"),
    "500": (Reply(500, {}, b"oops"), "GATEWAY_UNAVAILABLE"),
    "503": (Reply(503, {}, b""), "GATEWAY_UNAVAILABLE"),
    "html": (Reply(200, {}, b"<html>"), "GATEWAY_INVALID_RESPONSE"),
    "null": (Reply(200, {}, b"null"), "GATEWAY_INVALID_RESPONSE"),
    "empty": (Reply(200, {}, b""), "GATEWAY_INVALID_RESPONSE"),
    "not utf-8": (Reply(200, {}, b'{"\xff"'), "GATEWAY_INVALID_RESPONSE"),
    "deep": (Reply(200, {}, b"[" * 100_000), "GATEWAY_INVALID_RESPONSE"),
    "redirect": (Reply(302, {"location": "/"}, b""), "GATEWAY_INVALID_RESPONSE"),
    "401": (Reply(401, {}, b""), "UNAUTHENTICATED"),
    "403": (Reply(403, {}, b""), "FORBIDDEN"),
}


def at(route, lie):
    """A wire that lies about one route."""
    return lambda _method, target: lie if route_of(target.partition("?")[0]) == route else None


def page(*rows, total=None, limit=50):
    return Reply(
        200, {}, json.dumps({"data": rows, "total": total or len(rows), "page": 1, "limit": limit}).encode()
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", FIELDS)
async def test_a_field_whose_route_fails_is_null_with_a_code_and_the_other_stands(
    graphql, wire, route, fault
):
    lie, code = FAULTS[fault]
    wire.answer = at(route, lie)
    other = FIELDS["/ocpi/cpos" if route == "/ocpi/templates/cpos" else "/ocpi/templates/cpos"]

    body = await graphql(f"{{ bad: {FIELDS[route]} good: {other} }}")

    assert body["data"]["bad"] is None
    assert body["data"]["good"]
    assert [(e["extensions"]["code"], e["path"]) for e in body["errors"]] == [(code, ["bad"])]


@pytest.mark.parametrize("fault", ["down", "500", "html", "null"])
@pytest.mark.parametrize("route", FIELDS_BELOW)
async def test_a_field_below_a_node_fails_alone(graphql, wire, route, fault):
    lie, code = FAULTS[fault]
    wire.answer = at(route, lie)
    field, name = FIELDS_BELOW[route]

    body = await graphql(f'{{ cpo(cpoId: "101") {{ namePrefix {field} }} }}')

    assert body["data"] == {"cpo": {"namePrefix": "demo", name: None}}
    assert [(e["extensions"]["code"], e["path"]) for e in body["errors"]] == [(code, ["cpo", name])]


async def test_a_slow_gateway_is_a_timeout_and_what_needs_no_call_stands(wire):
    wire.delay_s = 30
    async with facade(wire, operation_timeout_s=0.1) as graphql:
        body = await graphql("{ __typename cpos { totalCount } }")

    assert body["data"] == {"__typename": "Query", "cpos": None}
    assert [(e["extensions"]["code"], e["path"]) for e in body["errors"]] == [("GATEWAY_TIMEOUT", ["cpos"])]


async def test_too_many_requests_say_when_to_come_back(wire):
    wire.answer = at("/ocpi/cpos", Reply(429, {"retry-after": "3"}, b"slow down"))

    async with facade(wire, gateway_retries=0) as graphql:
        body = await graphql("{ cpos { totalCount } }", **{"x-request-id": "r-1"})

    assert body["errors"][0]["extensions"] == {
        "code": "GATEWAY_RATE_LIMITED",
        "retryable": True,
        "requestId": "r-1",
        "retryAfterMs": 3000,
    }


async def test_a_wrong_type_fails_only_when_selected(graphql, wire):
    wire.answer = at("/ocpi/cpos", page({"cpo_id": "1", "name_prefix": 7, "template": "t"}, {"cpo_id": "2"}))

    assert await graphql.data("{ cpos { nodes { id template } } }") == {
        "cpos": {"nodes": [{"id": "CPO:1", "template": "t"}, {"id": "CPO:2", "template": None}]}
    }
    body = await graphql("{ cpos { nodes { namePrefix template } } }")
    assert body["data"]["cpos"]["nodes"] == [
        {"namePrefix": None, "template": "t"},
        {"namePrefix": None, "template": None},
    ]
    assert [(e["extensions"]["code"], e["path"], e["message"]) for e in body["errors"]] == [
        (
            "GATEWAY_INVALID_RESPONSE",
            ["cpos", "nodes", 0, "namePrefix"],
            "The gateway sent an unreadable name_prefix: Expected `str | null`, got `int`.",
        )
    ]


async def test_a_bad_coordinate_nulls_the_point_and_nothing_else(graphql, wire):
    row = {"id": "l", "name": "n", "coordinates": {"latitude": "x", "longitude": 2}}
    wire.answer = at("/ocpi/cpos/{cpo_id}/locations", page(row))

    body = await graphql(
        '{ cpo(cpoId: "101") { locations { nodes { name coordinates { latitude longitude } } } } }'
    )

    assert body["data"]["cpo"]["locations"]["nodes"] == [{"name": "n", "coordinates": None}]
    assert [e["path"][-3:] for e in body["errors"]] == [[0, "coordinates", "latitude"]]


async def test_a_row_without_an_id_is_a_null_node_with_an_error_and_its_siblings_stand(graphql, wire):
    wire.answer = at("/ocpi/cpos", page({"cpo_id": "1"}, {"name_prefix": "x"}, {"cpo_id": "3"}))

    body = await graphql("{ cpos { nodes { id } edges { node { id } } totalCount } }")

    assert body["data"]["cpos"]["nodes"] == [{"id": "CPO:1"}, None, {"id": "CPO:3"}]
    assert [edge["node"] for edge in body["data"]["cpos"]["edges"]] == [
        {"id": "CPO:1"},
        None,
        {"id": "CPO:3"},
    ]
    assert body["data"]["cpos"]["totalCount"] == 3
    assert sorted((e["extensions"]["code"], e["path"]) for e in body["errors"]) == [
        ("GATEWAY_INVALID_RESPONSE", ["cpos", "edges", 1, "node"]),
        ("GATEWAY_INVALID_RESPONSE", ["cpos", "nodes", 1]),
    ]


async def test_a_page_that_fails_nulls_its_connection_with_one_error(graphql, wire):
    wire.answer = lambda _method, target: Reply(500, {}, b"") if "page=11&limit=10" in target else None

    body = await graphql(
        '{ cpo(cpoId: "101") { locations(first: 110) { nodes { id } pageInfo { endCursor } } } cpos { totalCount } }'
    )

    assert body["data"] == {"cpo": {"locations": None}, "cpos": {"totalCount": 3}}
    assert [(e["extensions"]["code"], e["path"]) for e in body["errors"]] == [
        ("GATEWAY_UNAVAILABLE", ["cpo", "locations"])
    ]


async def test_a_location_whose_chargers_cannot_be_read_leaves_those_of_the_others(graphql, wire):
    query = (
        '{ cpo(cpoId: "101") { locations(first: 3) { nodes { chargers(first: 2) { nodes { name } } } } } }'
    )
    whole = await graphql.data(query)
    failing = next(t for t in wire.sent if "/ocpp/locations/" in t).split(" ")[1]
    wire.answer = lambda _method, target: Reply(500, {}, b"") if target == failing else None

    body = await graphql(query)

    def names(data):
        return [[c["name"] for c in loc["chargers"]["nodes"]] for loc in data["cpo"]["locations"]["nodes"]]

    assert sorted(names(body["data"]), key=str).count([None, None]) == 1
    assert [got for got in names(body["data"]) if got != [None, None]] == [
        name for name, got in zip(names(whole), names(body["data"]), strict=True) if got != [None, None]
    ]
    assert [e["extensions"]["code"] for e in body["errors"]] == ["GATEWAY_UNAVAILABLE"] * 2


async def test_the_unexpected_is_masked_logged_and_holds_no_token(graphql, wire, caplog):
    wire.answer = at("/ocpi/cpos", ZeroDivisionError("inner secret"))
    graphql.token = "tell-nobody"
    caplog.set_level(logging.DEBUG)

    body = await graphql("{ cpos { totalCount } }", **{"x-request-id": "r-7"})

    assert body == {
        "data": {"cpos": None},
        "errors": [
            {
                "message": "Something went wrong on our side. It has been logged under the request id r-7.",
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "retryable": False, "requestId": "r-7"},
                "locations": [{"line": 1, "column": 3}],
                "path": ["cpos"],
            }
        ],
    }
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.getMessage() == "request r-7: unexpected error at ['cpos']"
    assert "ZeroDivisionError: inner secret" in caplog.text
    assert "tell-nobody" not in caplog.text


@pytest.mark.parametrize("fault", ["down", "500", "html", "401"])
async def test_a_failing_gateway_puts_no_token_into_logs_or_answers(graphql, wire, caplog, fault):
    graphql.token = "tell-nobody"
    caplog.set_level(logging.DEBUG)
    wire.answer = lambda *_: FAULTS[fault][0]

    body = await graphql("{ cpos { totalCount } cpoTemplates { slug } }")

    assert "tell-nobody" not in caplog.text + json.dumps(body)


async def test_no_more_than_a_hundred_errors_are_listed_and_the_rest_counted(graphql, wire):
    rows = [{"cpo_id": str(n), "name_prefix": 1} for n in range(1, 131)]
    wire.answer = _paged(rows)

    body = await graphql("{ cpos(first: 130) { nodes { namePrefix } } }")

    assert len(body["errors"]) == 100
    assert body["extensions"] == {"gateway": {"suppressedErrors": 30}}
    assert body["data"] == {"cpos": {"nodes": [{"namePrefix": None}] * 130}}


def _paged(rows):
    """A list of CPOs that answers any page."""

    def answer(_method, target):
        number, limit = (int(part.partition("=")[2]) for part in target.partition("?")[2].split("&"))
        some = rows[(number - 1) * limit : number * limit]
        envelope = {"data": some, "total": len(rows), "page": number, "limit": limit}
        return Reply(200, {}, json.dumps(envelope).encode())

    return answer


@pytest.mark.parametrize(
    "envelope", [{"page": 2}, {"limit": 51}, {"total": -1}, {"data": None}, {"data": [{}] * 51}]
)
async def test_another_page_than_was_asked_for_is_no_page(graphql, wire, envelope):
    reply = {"data": [], "total": 0, "page": 1, "limit": 50, **envelope}
    wire.answer = at("/ocpi/cpos", Reply(200, {}, json.dumps(reply).encode()))

    body = await graphql("{ cpos { nodes { id } } }")

    assert body["data"] == {"cpos": None}
    assert [e["extensions"]["code"] for e in body["errors"]] == ["GATEWAY_INVALID_RESPONSE"]
    assert len(wire.sent) == 1
