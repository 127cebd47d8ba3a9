"""Whether and when a read is sent again, and what an outage may cost."""

import random
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.gateway.retry import RETRIED, RetryBudget, RetryPolicy, retry_after_s
from ocpplab_graphql.gateway.transport import Reply, TransportFailed

POLICY = RetryPolicy(retries=3, base_s=0.1, max_s=0.3)
LOST = TransportFailed("connection lost", sent=True)
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC).timestamp()


def wait(failure, *, retried=0, remaining_s=10.0, chance=1.0, policy=POLICY):
    return policy.wait_s(failure, retried=retried, remaining_s=remaining_s, chance=lambda: chance)


def asking(retry_after, status=503):
    return Reply(status, {"retry-after": retry_after}, b"")


@pytest.mark.parametrize("sent", [True, False])
def test_a_read_that_got_no_answer_is_sent_again(sent):
    assert wait(TransportFailed("gone", sent=sent)) is not None


def test_of_all_statuses_only_those_that_say_not_now_are_tried_again():
    assert {status for status in range(300, 600) if wait(Reply(status, {}, b"")) is not None} == RETRIED
    assert {408, 429, 502, 503, 504} == RETRIED


def test_waits_are_chosen_below_a_bound_that_doubles_up_to_the_longest():
    assert [wait(LOST, retried=n) for n in range(4)] == [0.1, 0.2, 0.3, None]
    assert [wait(LOST, retried=n, chance=0.0) for n in range(4)] == [0.0, 0.0, 0.0, None]
    assert wait(LOST, retried=1, chance=0.25) == 0.05


def test_what_the_gateway_asks_for_comes_before_the_jitter():
    assert wait(asking("2"), chance=0.0) == 2.0
    assert wait(asking("2"), chance=1.0) == 2.1
    assert wait(asking("soon"), chance=1.0) == 0.1


def test_a_wait_that_would_pass_the_deadline_is_none():
    assert wait(asking("2"), remaining_s=2.05, chance=0.0) == 2.0
    assert wait(asking("2"), remaining_s=2.0, chance=0.0) is None
    assert wait(LOST, remaining_s=0.1) is None
    assert wait(LOST, remaining_s=-1.0, chance=0.0) is None


def test_without_retries_nothing_is_tried_again():
    assert wait(LOST, policy=RetryPolicy(retries=0)) is None


@given(
    st.integers(0, 10),
    st.floats(-5, 60),
    st.floats(0, 1),
    st.one_of(st.text(max_size=40), st.integers(0, 10**8).map(str)),
)
def test_no_wait_is_negative_or_passes_the_deadline(retried, remaining_s, chance, header):
    waited = wait(asking(header), retried=retried, remaining_s=remaining_s, chance=chance)

    assert waited is None or 0 <= waited < remaining_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sun, 22 Nov 2026 20:00:07 GMT", 7.0),
        ("Sunday, 22-Nov-26 20:00:07 GMT", 7.0),
        ("Sun Nov 22 20:00:07 2026", 7.0),
        ("Sun, 22 Nov 2026 19:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2037 20:00:00 GMT", None),
        ("Sun, 99 Nov 2026 20:00:00 GMT", None),
        ("9999999", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_whole_seconds_or_a_date_of_http(header, seconds):
    assert retry_after_s(asking(header), now=lambda: NOW) == seconds


@given(st.integers(0, 900_000))
def test_every_date_that_comes_is_so_many_seconds_away(seconds):
    date = format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)

    assert retry_after_s(asking(date), now=lambda: NOW) == seconds


def test_in_an_outage_retries_stay_under_a_fifth_of_all_calls():
    budget = RetryBudget(ratio=0.2, reserve=64)
    calls = retries = 0
    for _ in range(10_000):
        budget.earn()
        calls += 1
        while budget.spend():
            calls += 1
            retries += 1

    assert retries == 2064 - 1  # the first call found the bucket full
    assert retries / calls < 0.2


@given(st.floats(0.01, 1), st.integers(1, 100), st.integers(0, 2**32), st.integers(1, 2000))
def test_retries_never_exceed_the_reserve_and_the_share(ratio, reserve, seed, calls):
    chance = random.Random(seed)  # noqa: S311  # any order will do
    budget = RetryBudget(ratio=ratio, reserve=reserve)
    retries = 0
    for _ in range(calls):
        budget.earn()
        retries += sum(budget.spend() for _ in range(chance.randrange(4)))

    assert retries <= reserve + ratio * calls + 1e-6


def test_calm_saves_no_more_than_the_reserve():
    budget = RetryBudget(ratio=0.2, reserve=10)
    for _ in range(10_000):
        budget.earn()

    assert sum(budget.spend() for _ in range(100)) == 10


def test_a_budget_of_nothing_allows_no_retry():
    budget = RetryBudget(ratio=0.0, reserve=10)
    budget.earn()

    assert not budget.spend()
