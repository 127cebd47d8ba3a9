# operations and junk read better in long lines
"""
Replies mutated by chance: is every value of an answer true or null, and every null told?

A world answers honestly, except that parts of its replies are left out, made null, exchanged, or given another
type. Whatever the mutation: HTTP 200, only GATEWAY_* and NOT_FOUND as codes, data that conforms to the schema,
no value that the gateway did not send in that place, and for each null that the honest answer has not, an error
whose path leads there (or the gateway's own null).

    python -m bench.facade.fuzz_replies --examples 20000
"""

import argparse
import asyncio
import copy
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    SelectionSetNode,
    get_operation_ast,
    parse,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from bench.facade.world import JOB, World, as_bytes
from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.schema import schema
from ocpplab_graphql.settings import Settings

OPERATIONS = (
    """{ cpos(first: 2) { totalCount pageInfo { hasNextPage endCursor } nodes { id cpoId namePrefix templateVersion
      party { countryCode role } topology { locationCount evseCount } createdAt
      locations(first: 3) { totalCount edges { cursor node { id name city isPublic createdAt coordinates { latitude longitude }
        chargers(first: 2) { totalCount edges { chargePointId evses { evseUid evseId } node { id identity connectorType name model
          maxChargingPowerW ocppLocationId updatedAt } } } } } } } } }""",
    """{ cpo(cpoId: "101") { id namePrefix reportMarkdown provisioning { status isFinished retryAfterMs currentStep
      error { code message retryable docUrl } provisionedAt } locations(last: 2) { pageInfo { hasPreviousPage startCursor }
      nodes { locationId ocppLocationId timezone cpo { id namePrefix } chargers { nodes { chargerId ocppVersion vendorName
      numberOfConnectors } } } } } }""",
    """{ location(cpoId: "101", locationId: "loc-1") { id name slug ownerName chargers { totalCount nodes { id identity imageUrl
      provisioning { status workflowRunId } logs(first: 3) { totalCount nodes { direction action message timestamp } } } } }
      charger(chargerId: "dep-101-0-1") { id name connectorType createdAt } }""",
    f"""{{ bulkLocationJob(cpoId: "101", jobId: "{JOB}") {{ id jobId status isFinished error {{ code message step }}
      locationIds failures {{ index name error {{ code message }} }} rawResults
      locations {{ totalCount nodes {{ id name city }} }} }} }}""",
    """{ cpoTemplates { slug version description locationCount } locationTemplates { slug country currentType
      chargerGroups { brand chargerCount nominalPowerW } }
      chargers(first: 4, ocppLocationId: "ol-101-1") { totalCount nodes { id identity name maxChargingPowerW } }
      nodes(ids: ["CPO:101", "CPO:102", "Location:101:loc-2", "Charger:dep-102-1-0"]) { id
        ... on CPO { template } ... on Location { address } ... on Charger { vendorName } } }""",
)  # fmt: skip
# Computed from what the gateway says: their type is checked, and whether they are told when they are null.
DERIVED = frozenset(
    [
        "id",
        "cursor",
        "startCursor",
        "endCursor",
        "hasNextPage",
        "hasPreviousPage",
        "totalCount",
        "status",
        "isFinished",
        "retryAfterMs",
        "rawResults",
        "nominalPowerW",
        "currentType",
        "code",
        "message",
        "__typename",
    ]
)
# Read tolerantly, because the gateway does not document what stands there: null is all that is told of the rest.
TOLERANT = frozenset({"failures", "currentType"})
# What leads to rows, and so to everything in them.
LEADING = frozenset(
    [
        "id",
        "cpo_id",
        "job_id",
        "ocpp_location_id",
        "location_id",
        "data",
        "chargers",
        "total",
        "page",
        "limit",
        "offset",
        "results",
        "location_ids",
    ]
)
JUNK = "JUNK"
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 7, 2**31, 2**63, 10**40, 1.5, 1e308, -1e308, "", "JUNK", "JUNK/../x", "..", "JUNK\x00", "JUNK" * 80,
    "2026-13-45T99:99:99Z", "9999-12-31T23:59:59-14:00", [], {}, ["JUNK"], [None], [[]], {"JUNK": "JUNK"}, {"id": "JUNK"},
)  # fmt: skip


@dataclass
class Mutation:
    """
    What is done to a reply: where, and how.

    Attributes:
        reply, spot: numbers that choose the reply, and the place in it.
        kind: delete, null, wrong, swap or twice.
    """

    reply: int
    spot: int
    kind: str
    other: int


@dataclass
class Told:
    """What mutations let an answer say beside the truth."""

    values: set[str] = field(default_factory=set)
    anything: bool = False
    silent: bool = False


class WorldTransport:
    """The port to a gateway that is a world; some of its replies are replaced."""

    def __init__(self) -> None:
        self.world = World(cpos=2, locations=4, chargers=2)
        self.replaced: dict[str, bytes] = {}
        self.sent: list[str] = []

    async def send(self, method: str, url: str, _headers: Mapping[str, str], _body: bytes | None) -> Reply:
        target = url.removeprefix("http://world")
        self.sent.append(target)
        if target in self.replaced:
            return Reply(200, {}, self.replaced[target])
        status, body = self.world.reply(method, target)
        return Reply(status, {}, as_bytes(body))

    async def aclose(self) -> None: ...


class Fuzz:
    """The product before such a gateway, and its honest answers."""

    def __init__(self) -> None:
        self.transport = WorldTransport()
        app = create_app(
            Settings.load({}, gateway_url="http://world", console=False, errors_max=10_000),
            transport=self.transport,
        )
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://facade"
        )
        self._runner = asyncio.Runner()
        self.examples = 0
        self.codes: Counter[str] = Counter()
        self.nulls = 0
        self._truth: list[Any] = []
        self._replies: list[dict[str, Any]] = []
        for query in OPERATIONS:
            self.transport.sent.clear()
            body = self._asked(query)
            assert "errors" not in body, body
            self._truth.append(body["data"])
            targets = dict.fromkeys(self.transport.sent)
            self._replies.append({t: self.transport.world.reply("GET", t)[1] for t in targets})

    def _asked(self, query: str) -> dict[str, Any]:
        post = self._client.post("/graphql", json={"query": query}, headers={"authorization": "Bearer t"})
        response = self._runner.run(post)
        assert response.status_code == 200, (response.status_code, response.text)
        return response.json()  # type: ignore[no-any-return]

    def check(self, operation: int, mutations: list[Mutation]) -> None:
        """Ask with mutated replies, and find nothing wrong with the answer."""
        operation %= len(OPERATIONS)
        replies, told = copy.deepcopy(self._replies[operation]), Told()
        for mutation in mutations:
            _mutate(replies, mutation, told)
        self.transport.replaced = {target: as_bytes(body) for target, body in replies.items()}
        try:
            body = self._asked(OPERATIONS[operation])
        finally:
            self.transport.replaced = {}
        self.examples += 1
        errors = body.get("errors", [])
        for error in errors:
            code = error["extensions"]["code"]
            self.codes[code] += 1
            assert code.startswith("GATEWAY_") or code == "NOT_FOUND", error
            assert JUNK not in error["message"], error
        paths = [tuple(error["path"]) for error in errors]
        self.nulls += _compare(OPERATIONS[operation], body["data"], self._truth[operation], paths, told)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON tree."""
    entries = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    for key, value in entries:
        yield tree, key
        if isinstance(value, dict | list):
            yield from _spots(value)


def _scalars(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        return {text for value in tree.values() for text in _scalars(value)}
    if isinstance(tree, list):
        return {text for value in tree for text in _scalars(value)}
    return {json.dumps(tree)}


def _mutate(replies: dict[str, Any], mutation: Mutation, told: Told) -> None:
    target = list(replies)[mutation.reply % len(replies)]
    spots = list(_spots(replies[target]))
    if not spots:
        return
    container, key = spots[mutation.spot % len(spots)]
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    sibling = keys[mutation.other % len(keys)]
    if isinstance(container, list) or {key, sibling} & LEADING:
        told.anything = True
    told.values |= _scalars(container[key]) | _scalars(container[sibling])
    match mutation.kind:
        case "delete":
            del container[key]
            told.silent = True
        case "null":
            container[key] = None
            told.silent = True
        case "wrong":
            container[key] = copy.deepcopy(WRONG[mutation.other % len(WRONG)])
            told.values |= _scalars(container[key])
            # An object without its members leaves them out.
            told.silent = told.silent or container[key] is None or isinstance(container[key], dict)
        case "swap":
            container[key], container[sibling] = container[sibling], container[key]
            moved = (container[key], container[sibling])
            # An object with other members leaves its own out.
            told.silent = told.silent or None in moved or any(isinstance(one, dict) for one in moved)
        case "twice" if isinstance(container, list):
            container.insert(key, copy.deepcopy(container[sibling]))


def _compare(query: str, data: Any, truth: Any, paths: list[tuple[Any, ...]], told: Told) -> int:
    operation = get_operation_ast(parse(query))
    assert operation is not None
    core = schema._schema
    assert core.query_type is not None
    compared = _Compared(core, paths, told)
    compared.walk(core.query_type, operation.selection_set, data, truth, ())
    return compared.nulls


@dataclass
class _Compared:
    core: Any
    paths: list[tuple[Any, ...]]
    told: Told
    nulls: int = 0

    def walk(
        self, of: Any, selected: SelectionSetNode | None, value: Any, truth: Any, path: tuple[Any, ...]
    ) -> None:
        if isinstance(of, GraphQLNonNull):
            assert value is not None, ("null where none may be", path)
            of = of.of_type
        if value is None:
            self._null(truth, path)
        elif isinstance(of, GraphQLList):
            assert isinstance(value, list), path
            others = truth if isinstance(truth, list) else []
            if len(value) != len(others):
                assert self.told.anything or self.told.silent or self.told.values, ("another length", path)
            for at, one in enumerate(value):
                self.walk(of.of_type, selected, one, others[at] if at < len(others) else None, (*path, at))
        elif selected is None:
            self._leaf(of, value, truth, path)
        else:
            assert isinstance(value, dict), path
            others = truth if isinstance(truth, dict) else {}
            for name, node in self._fields(selected, value):
                type_of = self._type_of(of, node, path)
                self.walk(type_of, node.selection_set, value[name], others.get(name), (*path, name))

    def _null(self, truth: Any, path: tuple[Any, ...]) -> None:
        if truth is None or TOLERANT & set(path):
            return
        self.nulls += 1
        explained = any(error[: len(path)] == path for error in self.paths)
        assert explained or self.told.silent or self.told.anything, ("a null that is not told", path)

    def _leaf(self, of: Any, value: Any, truth: Any, path: tuple[Any, ...]) -> None:
        assert isinstance(of, GraphQLScalarType | GraphQLEnumType), path
        kinds = {"Int": int, "Float": int | float, "Boolean": bool}
        assert isinstance(value, kinds.get(of.name, str)), (of.name, value, path)
        if of.name == "Int":
            assert type(value) is int, path
            assert -(2**31) <= value < 2**31, path
        elif isinstance(of, GraphQLEnumType):
            assert value in of.values, path
        if value != truth and path[-1] not in DERIVED and not TOLERANT & set(path):
            whole = int(value) if isinstance(value, float) and value.is_integer() else value
            said = {json.dumps(value), json.dumps(whole)}
            known = self.told.anything or bool(said & self.told.values)
            assert known, ("a value that nobody sent there", value, path)

    def _fields(self, selected: SelectionSetNode, value: Any) -> Iterator[tuple[str, FieldNode]]:
        for node in selected.selections:
            if isinstance(node, FieldNode):
                yield node.name.value, node
            else:
                found = [f for f in node.selection_set.selections if f.name.value in value]  # type: ignore[union-attr,attr-defined]
                yield from ((f.name.value, f) for f in found)

    def _type_of(self, of: Any, node: FieldNode, path: tuple[Any, ...]) -> Any:
        name = node.name.value
        for possible in (
            of,
            *(self.core.get_possible_types(of) if not hasattr(of, "is_type_of") or of.name == "Node" else ()),
        ):
            if name in possible.fields:
                return possible.fields[name].type
        raise AssertionError(path)


MUTATIONS = st.builds(
    Mutation,
    reply=st.integers(0, 40),
    spot=st.integers(0, 400),
    kind=st.sampled_from(["delete", "null", "wrong", "wrong", "swap", "twice"]),
    other=st.integers(0, 200),
)


def run(examples: int, *, number: int = 0) -> Fuzz:
    """
    So many examples, the same for the same number.

    Raises:
        AssertionError: an answer that is wrong, and the mutations that made it so.
    """
    fuzz = Fuzz()
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example]

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=quiet)
    @given(
        operation=st.integers(0, len(OPERATIONS) - 1), mutations=st.lists(MUTATIONS, min_size=1, max_size=3)
    )
    def mutated(operation: int, mutations: list[Mutation]) -> None:
        fuzz.check(operation, mutations)

    try:
        mutated()
    finally:
        fuzz.close()
    return fuzz


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    begun = time.monotonic()
    try:
        fuzz = run(chosen.examples, number=chosen.seed)
    except AssertionError as problem:
        print(f"wrong: {problem}")
        sys.exit(1)
    print(f"mutated operations          {fuzz.examples}")
    print(f"nulls that were explained   {fuzz.nulls}")
    print(f"errors by code              {dict(fuzz.codes)}")
    print(f"took                        {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
