"""A corpus, run on both executors, with counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ocpplab_graphql.schema import schema
from tests.differential.cases import WORLDS, Case, Corpus
from tests.differential.census import Census
from tests.differential.comparing import Verdict, answers, compare
from tests.differential.door import COMPILED, REFERENCE, Answered, Side, side
from tests.differential.known import harvested
from tests.differential.world import World

CORE = schema._schema


@dataclass
class Outcome:
    """One case, on both; `how` is what the other says of how it was executed, if it ran alone."""

    case: Case
    reference: Answered
    other: Answered
    verdict: Verdict
    how: Counter[str] = field(default_factory=Counter)


@dataclass
class Counts:
    """What a run was like."""

    operations: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    with_data: int = 0
    without_errors: int = 0
    with_errors: int = 0
    reordered: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    gateway_calls: int = 0
    lying: int = 0
    how: Counter[str] = field(default_factory=Counter)
    how_without_errors: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, bool], list[int]] = field(default_factory=dict)
    census: Census = field(default_factory=lambda: Census(CORE))
    different: list[Outcome] = field(default_factory=list)
    internal: list[Outcome] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """One more."""
        self.operations += 1
        self.kinds[outcome.case.kind] += 1
        bodies = answers(outcome.reference)
        errors = [error for body in bodies for error in body.get("errors", ())]
        codes = Counter(error["extensions"]["code"] for error in errors)
        data = bool(bodies) and all(body.get("data") is not None for body in bodies)
        self.with_data += data
        self.without_errors += data and not codes
        self.how += outcome.how
        if data and not codes and outcome.case.kind == "query":
            self.how_without_errors += outcome.how
        for reason in outcome.how:
            self.examples.setdefault((reason, not codes), []).append(outcome.case.index)
        self.with_errors += bool(codes)
        self.codes += codes
        self.reordered += outcome.verdict.reordered
        self.calls[outcome.verdict.calls] += 1
        self.gateway_calls += len(outcome.reference.calls)
        self.lying += bool(outcome.case.faults)
        self.census.note(outcome.case, outcome.reference)
        if outcome.verdict.differences:
            self.different.append(outcome)
        if not _crashes(outcome.case) and any(map(_is_internal, errors)):
            self.internal.append(outcome)


class Runner:
    """Both executors, the worlds, and what is known of them."""

    def __init__(self, reference: Side, other: Side, worlds: dict[int, World], known: dict[int, Any]) -> None:
        self.reference = reference
        self.other = other
        self.worlds = worlds
        self._known = known

    def corpus(self, seed: int) -> Corpus:
        """The cases of a seed."""
        return Corpus(seed, CORE, self._known)

    async def run(self, case: Case) -> Outcome:
        """One case on both, over gateways that are equal."""
        reference = await self.reference.ask(case.sent, case.gateway(self.worlds))
        before = self.other.counts()
        other = await self.other.ask(case.sent, case.gateway(self.worlds))
        return Outcome(case, reference, other, compare(reference, other), self.other.counts() - before)

    async def run_all(
        self, cases: Iterable[Case], told: Callable[[Outcome], None] | None = None, *, together: int = 1
    ) -> Counts:
        """All of them, so many at a time."""
        counts, left = Counts(), iter(cases)
        while some := list(islice(left, together)):
            for outcome in await asyncio.gather(*map(self.run, some)):
                counts.note(outcome)
                if told is not None:
                    told(outcome)
        return counts


@asynccontextmanager
async def running(other: str = COMPILED, **settings: Any) -> AsyncIterator[Runner]:
    """A runner for the reference and another executor, which may have other settings too."""
    worlds = {seed: World(seed) for seed in WORLDS}
    async with side(REFERENCE) as reference, side(other, **settings) as compared:
        known = {seed: await harvested(world, reference) for seed, world in worlds.items()}
        yield Runner(reference, compared, worlds, known)


def _is_internal(error: dict[str, Any]) -> bool:
    # Strawberry's own resolver of __Type.isOneOf fails on lists and non-null types.
    return error["extensions"]["code"] == "INTERNAL_SERVER_ERROR" and error.get("path", [""])[-1] != "isOneOf"


def _crashes(case: Case) -> bool:
    """Whether the gateway of a case raises what no transport raises."""
    return any(getattr(fault, "lie", None) == "crash" for fault in case.faults)
