"""Ids and cursors of every kind, through GraphQL: whatever is sent to the gateway is a route of it, with that id in its segment."""

import asyncio
import json
from urllib.parse import parse_qsl, quote, unquote

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.settings import Settings

PREFIX = "http://gateway/base"

hostile = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("./%\\?#&;:@=+ 0aA2eEfF5c\x00\n\u2028\u00e9\u202e"), max_size=12),
    st.sampled_from(
        ["", ".", "..", "../status", "%2e%2e", "%2F", "a/../b", "..;/", "jobs", "jobs/1", "status", "report", "locations",
         "101/status", "101?x=1", "101#", "//host", "http://host/", "\x00", "\ud800", "a" * 200, "a" * 201, "x" * 5000,
         "CPO:101", "Location:101:x", "Location:101:%2e%2e", "Charger:..", "Charger:%252e", "BulkLocationJob:101:..",
         "Provisioning:CPO:1", "Provisioning:Charger:..%2f", "\u0661\u0660\u0661", "1e3", "+1", "-1", "0x1", "1_0", "9" * 200],
    ),
)  # fmt: skip
global_ids = st.one_of(
    hostile,
    st.builds(lambda kind, parts: ":".join([kind, *(quote(part.encode("utf-8", "replace"), safe="~") for part in parts)]),
              st.sampled_from(["CPO", "Location", "Charger", "BulkLocationJob", "Provisioning"]),
              st.lists(hostile | st.just("101"), min_size=1, max_size=3)),
)  # fmt: skip

READS = [
    ("query($a: ID!) { node(id: $a) { id } }", 1),
    ("query($a: ID!, $b: ID!) { nodes(ids: [$a, $b]) { id } }", 2),
    ("query($a: ID!) { cpo(cpoId: $a) { namePrefix provisioning { status } } }", 1),
    ("query($a: ID!, $b: ID!) { location(cpoId: $a, locationId: $b) { name } }", 2),
    ("query($b: ID!) { location(cpoId: 101, locationId: $b) { name chargers { nodes { id } } } }", 1),
    ("query($b: ID!) { bulkLocationJob(cpoId: 101, jobId: $b) { status } }", 1),
    ("query($b: ID!) { charger(chargerId: $b) { identity provisioning { status } logs(first: 1) { nodes { __typename } } } }", 1),
    ("mutation($b: ID!) { deleteLocation(input: { cpoId: 101, locationId: $b }) { deletedId } }", 1),
    ("mutation($b: ID!) { deleteCPO(input: { cpoId: $b }) { deletedId } }", 1),
    ("query($a: String) { cpos(first: 2, after: $a) { nodes { id } } }", 1),
    ("query($a: String) { cpo(cpoId: 101) { locations(last: 2, before: $a) { nodes { id } } } }", 1),
]  # fmt: skip


class Recorder:
    """A gateway that knows nothing, and remembers the raw targets it was asked for."""

    def __init__(self):
        self.targets = []

    async def send(self, method, url, _headers, _body):
        self.targets.append((method, url))
        return Reply(404, {"content-type": "application/json"}, b'{"detail": "Not found"}')

    async def aclose(self):
        pass


TEMPLATES = {
    "GET": ["/health", "/ocpi/cpos", "/ocpi/cpos/{}", "/ocpi/cpos/{}/status", "/ocpi/cpos/{}/report", "/ocpi/cpos/{}/locations",
            "/ocpi/cpos/{}/locations/{}", "/ocpi/cpos/{}/locations/jobs/{}", "/ocpp/chargers", "/ocpp/chargers/{}",
            "/ocpp/chargers/{}/status", "/ocpp/chargers/{}/logs", "/ocpp/locations/{}/chargers"],
    "DELETE": ["/ocpi/cpos/{}", "/ocpi/cpos/{}/locations/{}"],
}  # fmt: skip


def holes(method, path):
    """The ids in a raw path, decoded, for each template that it fits; raises when it fits none."""
    segments = path.split("/")
    fits = []
    for template in TEMPLATES[method]:
        parts = template.split("/")
        if len(parts) == len(segments) and all(p in {"{}", s} for p, s in zip(parts, segments, strict=True)):
            fits.append(
                [unquote(s, errors="strict") for p, s in zip(parts, segments, strict=True) if p == "{}"]
            )
    assert fits, f"{method} {path} is no route"
    return fits


def meant(given):
    """What a given id may stand for in a path."""
    parts = given.split(":")
    return {given, *(unquote(part) for part in parts)}


@given(st.sampled_from(READS), global_ids, global_ids)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_id_is_it_reaches_its_route_and_no_other(read, one, other):
    async def run():
        recorder = Recorder()
        app = create_app(Settings.load({}, gateway_url=PREFIX, console=False), transport=recorder)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://facade")
        body = json.dumps({"query": read[0], "variables": {"a": one, "b": one if read[1] == 1 else other}})
        async with app.router.lifespan_context(app), client:
            response = await client.post("/graphql", content=body, headers={"content-type": "application/json", "authorization": "Bearer demo"})  # fmt: skip
        return response, recorder.targets

    response, targets = asyncio.run(run())

    assert response.status_code in {200, 400}
    assert "INTERNAL_SERVER_ERROR" not in response.text
    assert "GRAPHQL_VALIDATION_FAILED" not in response.text
    allowed = meant(one) | meant(other) | {"101"}
    for method, url in targets:
        path, _, query = url.removeprefix(PREFIX).partition("?")
        assert url.startswith(PREFIX + "/")
        assert url.isascii()
        assert not {".", ".."} & {unquote(segment) for segment in path.split("/")}
        assert any(set(ids) <= allowed for ids in holes(method, path)), (url, one, other)
        names = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        assert names <= {"page", "limit", "offset", "location_id", "charger_ids"}
