"""The compiled executor answers as the reference does: a corpus of 500 operations, the same on every machine."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from tests.differential.cases import Case
from tests.differential.census import FEATURES, reachable
from tests.differential.comparing import compare
from tests.differential.door import COMPILED, REFERENCE, Answered, Sent, side
from tests.differential.faults import RowFault
from tests.differential.running import CORE, Counts, running
from tests.differential.shrinking import report, shrunk
from tests.differential.world import World

# Where everything occurs at least twice. If the schema grows and it does not any more, take another.
SEED, OPERATIONS = 2, 500
REPORTS_MAX = 3
# About 15 s of one core; a machine that does much else takes longer.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def run() -> Iterator[tuple[Counts, list[str]]]:
    """The corpus on both executors: its counts, and a report of the first differences."""

    async def whole() -> tuple[Counts, list[str]]:
        async with running() as runner:
            corpus = runner.corpus(SEED)
            counts = await runner.run_all(corpus.case(index) for index in range(OPERATIONS))
            small = [await shrunk(runner, outcome, runs=150) for outcome in counts.different[:REPORTS_MAX]]
            return counts, [report(SEED, outcome) for outcome in small]

    with _silence():
        yield asyncio.run(whole())


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without the log lines that lying gateways cause."""
    with _silence():
        yield


@contextmanager
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def test_every_operation_has_the_same_answer_from_both_executors_and_no_more_calls(run):
    counts, reports = run

    assert counts.operations == OPERATIONS
    assert len(counts.different) == 0, "\n\n".join(reports)


def test_the_corpus_is_worth_comparing(run):
    counts, _ = run

    assert counts.without_errors >= OPERATIONS / 2
    assert counts.with_errors >= OPERATIONS / 5
    assert counts.lying >= OPERATIONS / 4
    assert counts.gateway_calls >= 4 * OPERATIONS
    assert {kind: n >= 5 for kind, n in counts.kinds.items()} == dict.fromkeys(
        ("query", "mutation", "subscription", "refused"), True
    )


def test_every_field_and_every_argument_of_the_schema_occurs(run):
    counts, _ = run
    fields, arguments = reachable(CORE)

    assert len(fields) > 150
    assert sorted(field for field in fields if counts.census.fields[field] < 2) == []
    assert sorted(argument for argument in arguments if counts.census.arguments[argument] < 2) == []


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_occurs(run, feature):
    counts, _ = run

    assert counts.census.features[feature] >= 2


def test_the_compiled_executor_executes_most_of_what_has_no_error_and_never_breaks_down(run):
    counts, _ = run
    if not counts.how:
        pytest.skip("only the reference is there, or it does not tell")

    assert counts.how["defect"] == 0
    assert counts.how_without_errors["compiled"] >= 0.7 * counts.how_without_errors.total()


async def test_operations_that_run_at_once_have_the_answers_they_have_alone(quiet):
    async with running() as runner:
        corpus = runner.corpus(SEED)
        counts = await runner.run_all((corpus.case(index) for index in range(1000, 1064)), together=16)
        reports = [report(SEED, outcome) for outcome in counts.different[:REPORTS_MAX]]

    assert counts.operations == 64
    assert reports == [], "\n\n".join(reports)


async def test_no_more_errors_are_listed_than_may_be_and_the_rest_counted_by_both(quiet):
    fault = RowFault("location", "city", 7, 0, 1)
    sent = Sent('{ cpo(cpoId: "101") { locations(first: 100) { nodes { name city } } } }')
    case = Case(0, "query", sent, 1, (fault,))
    worlds = {1: World(1)}
    async with side(REFERENCE, errors_max=3) as reference, side(COMPILED, errors_max=3) as other:
        answers = [await one.ask(sent, case.gateway(worlds)) for one in (reference, other)]
    bodies = [msgspec.json.decode(answer.body) for answer in answers]

    assert [len(body["errors"]) for body in bodies] == [3, 3]
    assert [body["extensions"] for body in bodies] == [{"gateway": {"suppressedErrors": 97}}] * 2
    assert bodies[0]["data"] == bodies[1]["data"]


async def test_an_executor_that_differs_is_told_apart_in_a_small_report():
    async with running(REFERENCE, page_size_default=49) as runner:
        corpus = runner.corpus(1)
        differing = (await runner.run(corpus.case(index)) for index in range(200))
        outcome = await anext(o async for o in differing if o.verdict.differences)
        small = await shrunk(runner, outcome)

    assert small.verdict.differences
    assert len(small.case.sent.document) <= 160
    assert small.case.faults == ()
    assert f"--only {small.case.index}" in report(1, small)


ANSWER = Answered(
    200,
    (("content-type", "application/json"),),
    b'{"data":{"a":1.0,"b":[{"c":1,"d":2}]}}',
    ("GET /x", "GET /y"),
)
ERRORS = b'{"data":{"a":null},"errors":[{"message":"x","path":["a"]},{"message":"y","path":["b"]}]}'


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(ANSWER, status=400), "status"),
        (replace(ANSWER, headers=()), "headers"),
        (replace(ANSWER, body=b'{"data":{"b":[{"c":1,"d":2}],"a":1.0}}'), "data"),
        (replace(ANSWER, body=b'{"data":{"a":1.0,"b":[{"d":2,"c":1}]}}'), "data"),
        (replace(ANSWER, body=b'{"data":{"a":1,"b":[{"c":1,"d":2}]}}'), "data"),
        (replace(ANSWER, body=ANSWER.body[:-1] + b',"extensions":{}}'), "members"),
        (replace(ANSWER, calls=("GET /x", "GET /y", "GET /y")), "calls"),
    ],
)
def test_the_comparison_sees(other, said):
    assert [line.partition(":")[0] for line in compare(ANSWER, other).differences] == [said]


def test_the_comparison_sees_another_message_path_or_number_of_errors():
    answer = replace(ANSWER, body=ERRORS)

    for changed in (
        ERRORS.replace(b'"x"', b'"z"'),
        ERRORS.replace(b'["b"]', b'["b",0]'),
        ERRORS.replace(b',{"message":"y","path":["b"]}', b""),
    ):
        assert [
            line.partition(":")[0] for line in compare(answer, replace(ANSWER, body=changed)).differences
        ] == ["errors"]


def test_errors_in_another_order_are_the_same_and_counted():
    turned = b'{"data":{"a":null},"errors":[{"message":"y","path":["b"]},{"message":"x","path":["a"]}]}'

    verdict = compare(replace(ANSWER, body=ERRORS), replace(ANSWER, body=turned))

    assert (verdict.differences, verdict.reordered) == ((), True)


@pytest.mark.parametrize(
    ("calls", "said"),
    [(("GET /y", "GET /x"), "equal"), (("GET /x",), "fewer"), (("GET /x", "GET /z"), "other")],
)
def test_fewer_calls_are_no_difference_and_are_counted(calls, said):
    verdict = compare(ANSWER, replace(ANSWER, calls=calls))

    assert (verdict.differences, verdict.calls) == ((), said)
