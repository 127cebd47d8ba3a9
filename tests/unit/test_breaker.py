"""When calls are not made, for how long, and what brings them back."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ocpplab_graphql.gateway.breaker import Breaker, BreakerLimits

LIMITS = BreakerLimits(ratio=0.5, calls=10, window=20, window_s=10.0, slow_s=3.0, open_s=2.0, probes=3)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now

    def forward(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def breaker(clock, told):
    return Breaker(LIMITS, clock=clock, tell=lambda state, why: told.append((state, why)))


def calls(breaker, how_many, *, failed=False):
    for _ in range(how_many):
        breaker.ended(breaker.begin(), failed=failed)


def open_it(breaker):
    calls(breaker, LIMITS.calls, failed=True)
    assert not breaker.closed


def test_it_opens_when_half_of_the_last_calls_failed(breaker, told):
    calls(breaker, 10)
    calls(breaker, 9, failed=True)
    assert breaker.closed
    calls(breaker, 1, failed=True)

    assert breaker.state == "open"
    assert told == [("open", "10 of the last 20 calls failed or were slow")]


def test_a_few_failures_say_nothing(breaker):
    calls(breaker, LIMITS.calls - 1, failed=True)

    assert breaker.closed


def test_only_the_last_calls_count(breaker):
    calls(breaker, 9, failed=True)
    calls(breaker, 20)
    calls(breaker, 9, failed=True)

    assert breaker.closed


def test_what_is_long_ago_counts_no_more(breaker, clock):
    calls(breaker, 9, failed=True)
    clock.forward(10.1)
    calls(breaker, 9, failed=True)

    assert breaker.closed


def test_slow_answers_open_it_as_failures_do(breaker, clock):
    tickets = [breaker.begin() for _ in range(10)]
    clock.forward(3.0)
    for ticket in tickets:
        breaker.ended(ticket, failed=False)

    assert breaker.state == "open"


def test_calls_that_never_end_open_it_as_soon_as_they_are_slow(breaker, clock):
    for _ in range(10):
        assert breaker.begin() is not None
    clock.forward(2.9)
    breaker.look()
    assert breaker.closed
    clock.forward(0.1)

    assert breaker.begin() is None
    assert breaker.state == "open"


def test_a_slow_call_counts_once(breaker, clock):
    slow = [breaker.begin() for _ in range(9)]
    clock.forward(3.0)
    breaker.look()
    for ticket in slow:
        breaker.ended(ticket, failed=True)

    assert breaker.closed


def test_a_call_that_nobody_waits_for_counts_as_nothing_unless_it_was_slow(breaker, clock):
    for _ in range(50):
        breaker.gave_up(breaker.begin())
        breaker.dropped(breaker.begin())
    assert breaker.closed
    tickets = [breaker.begin() for _ in range(10)]
    clock.forward(3.0)
    for ticket in tickets:
        breaker.gave_up(ticket)

    assert breaker.state == "open"


def test_a_dropped_call_may_be_counted_after_all(breaker):
    for _ in range(10):
        breaker.dropped(breaker.begin())
        breaker.failed()

    assert breaker.state == "open"


def test_while_it_is_open_no_call_is_made_and_it_says_when_to_come_again(breaker, clock):
    open_it(breaker)
    clock.forward(0.5)

    assert (breaker.begin(), breaker.probe()) == (None, None)
    assert breaker.retry_after_s == 1.5


def test_then_a_few_probes_at_once_are_made_and_when_all_went_well_it_closes(breaker, clock, told):
    open_it(breaker)
    clock.forward(2.0)
    assert breaker.state == "half-open"
    probes = [breaker.probe() for _ in range(5)]
    assert [probe is not None for probe in probes] == [True, True, True, False, False]
    assert breaker.retry_after_s == pytest.approx(0.2)
    for probe in probes[:3]:
        assert not breaker.closed
        breaker.ended(probe, failed=False)

    assert breaker.state == "closed"
    assert told[1:] == [("closed", "after 2.0 s")]


def test_a_probe_that_fails_or_is_slow_opens_it_again(breaker, clock):
    open_it(breaker)
    clock.forward(2.0)
    breaker.ended(breaker.probe(), failed=False)
    breaker.ended(breaker.probe(), failed=True)
    assert breaker.state == "open"
    clock.forward(2.0)
    slow = breaker.probe()
    clock.forward(3.0)
    breaker.ended(slow, failed=False)

    assert breaker.state == "open"


def test_the_probes_that_went_well_are_counted_anew_after_one_that_did_not(breaker, clock):
    open_it(breaker)
    clock.forward(2.0)
    breaker.ended(breaker.probe(), failed=False)
    breaker.ended(breaker.probe(), failed=False)
    breaker.ended(breaker.probe(), failed=True)
    clock.forward(2.0)
    breaker.ended(breaker.probe(), failed=False)

    assert breaker.state == "half-open"


def test_probes_without_an_answer_make_room_for_others(breaker, clock):
    open_it(breaker)
    clock.forward(2.0)
    for _ in range(3):
        breaker.probe()
    assert breaker.probe() is None
    clock.forward(2.0)

    assert breaker.probe() is not None


def test_a_probe_that_nobody_waits_for_makes_room_and_counts_as_nothing(breaker, clock):
    open_it(breaker)
    clock.forward(2.0)
    for _ in range(10):
        breaker.gave_up(breaker.probe())

    assert breaker.state == "half-open"
    assert breaker.probe() is not None


def test_what_began_before_it_opened_says_nothing_afterwards(breaker, clock):
    before = [breaker.begin() for _ in range(10)]
    open_it(breaker)
    clock.forward(2.0)
    for ticket in before:
        breaker.ended(ticket, failed=False)
    assert breaker.state == "half-open"
    for _ in range(3):
        breaker.ended(breaker.probe(), failed=False)
    calls(breaker, 9, failed=True)

    assert breaker.closed


class Life(RuleBasedStateMachine):
    """Any life of a breaker: what is promised at every moment of it."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.told = []
        self.breaker = Breaker(LIMITS, clock=self.clock, tell=lambda state, _: self.told.append(state))
        self.running = []
        self.probes = {}
        self.good = 0

    @rule(seconds=st.floats(0.01, 6))
    def time_goes_by(self, seconds):
        self.clock.forward(seconds)

    @rule(how_many=st.integers(1, 15))
    def calls_begin(self, how_many):
        for _ in range(how_many):
            if (ticket := self.breaker.begin()) is not None:
                self.running.append(ticket)

    @rule(failed=st.booleans(), how_many=st.integers(1, 15))
    def calls_end(self, failed, how_many):
        for _ in range(min(how_many, len(self.running))):
            self.breaker.ended(self.running.pop(), failed=failed)

    @rule()
    def a_caller_gives_up(self):
        if self.running:
            self.breaker.gave_up(self.running.pop(0))

    @rule()
    def a_probe_begins(self):
        if self.breaker.closed:
            return
        state = self.breaker.state
        ticket = self.breaker.probe()
        assert state == "half-open" or ticket is None
        if ticket is not None:
            self.probes[ticket] = self.clock.now

    @rule(failed=st.booleans())
    def a_probe_ends(self, failed):
        if not self.probes:
            return
        ticket, began = self.probes.popitem()
        closed = self.breaker.closed
        self.breaker.ended(ticket, failed=failed)
        if not closed:
            bad = failed or self.clock.now - began >= LIMITS.slow_s
            assert not (bad and self.breaker.closed)

    @invariant()
    def few_probes_are_under_way(self):
        if not self.breaker.closed:
            young = [began for began in self.probes.values() if began > self.clock.now - LIMITS.open_s]
            assert len(young) <= LIMITS.probes

    @invariant()
    def it_never_stays_shut_for_longer_than_it_says(self):
        assert 0 <= self.breaker.retry_after_s <= LIMITS.open_s + 1e-6
        assert (self.breaker.retry_after_s == 0) == self.breaker.closed

    @invariant()
    def what_it_says_takes_turns(self):
        assert self.told == (["open", "closed"] * len(self.told))[: len(self.told)]

    @invariant()
    def it_remembers_no_more_than_it_must(self):
        assert len(self.breaker._seen) <= LIMITS.window
        assert set(self.breaker._running) <= set(self.running)
        assert set(self.breaker._probing) <= set(self.probes)
        assert self.breaker._bad == sum(bad for _, bad in self.breaker._seen)


class TestLife(Life.TestCase):
    settings = settings(max_examples=60, stateful_step_count=40, deadline=None, database=None)
