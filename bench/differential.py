"""
Are both executors equal? A long corpus of generated operations over seeded and lying gateways, with counts.

    python -m bench.differential --operations 20000 --seed 1
    python -m bench.differential --seed 1 --only 4711          one operation of it again, in full

Exits with 1 when an answer differs, after reports of the first differences, made small.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter

from tests.differential.census import FEATURES, reachable
from tests.differential.door import COMPILED, REFERENCE, Side, has_both
from tests.differential.running import CORE, Counts, Outcome, running
from tests.differential.shrinking import report, shrunk


async def many(operations: int, seed: int, other: str, reports: int, together: int) -> int:
    """The whole corpus; the number of differences."""
    begun = time.perf_counter()
    async with running(other) as runner:
        corpus = runner.corpus(seed)
        cases = (corpus.case(index) for index in range(operations))
        counts = await runner.run_all(cases, _Progress(operations), together=together)
        _tell(counts, runner.other, time.perf_counter() - begun)
        for respect, some in _by_respect(counts).items():
            print(f"\n=== {len(some)} that differ in {respect}")
            for outcome in some[:reports]:
                print(report(seed, await shrunk(runner, outcome)), "\n")
    return len(counts.different)


async def one(index: int, seed: int, other: str) -> int:
    """One case of the corpus, in full and made small."""
    async with running(other) as runner:
        outcome = await runner.run(runner.corpus(seed).case(index))
        print(report(seed, outcome))
        if outcome.verdict.differences:
            print("\n=== made small\n" + report(seed, await shrunk(runner, outcome)))
    return len(outcome.verdict.differences)


class _Progress:
    """A line now and then, for who waits."""

    def __init__(self, operations: int) -> None:
        self._operations = operations
        self._done = self._different = 0
        self._said = time.perf_counter()

    def __call__(self, outcome: Outcome) -> None:
        self._done += 1
        self._different += bool(outcome.verdict.differences)
        if time.perf_counter() - self._said > 15:
            self._said = time.perf_counter()
            print(
                f"... {self._done} of {self._operations}, {self._different} differ",
                file=sys.stderr,
                flush=True,
            )


def _tell(counts: Counts, other: Side, seconds: float) -> None:
    fields, arguments = reachable(CORE)
    census = counts.census
    rarest = min((census.features[feature], feature) for feature in FEATURES)
    rows = [
        ("compared", f"{REFERENCE} and {other.name}" + ("" if has_both() else " (the only one there is)")),
        ("operations", f"{counts.operations}, in {seconds:.0f} s"),
        ("by kind", _listed(counts.kinds)),
        ("over a lying gateway", counts.lying),
        ("with data", counts.with_data),
        (
            "with data and no error",
            f"{counts.without_errors} ({counts.without_errors / counts.operations:.0%})",
        ),
        ("with errors", counts.with_errors),
        ("errors by code", _listed(counts.codes)),
        ("the same errors in another order", counts.reordered),
        ("internal errors, in operations", len(counts.internal)),
        (
            "gateway calls",
            f"{counts.gateway_calls}; per operation, against the reference: {_listed(counts.calls)}",
        ),
        ("executed", _listed(counts.how) or "not told"),
        ("queries without an error", _listed(counts.how_without_errors) or "not told"),
        ("fields", f"{len(fields)}, each at least {min(census.fields[f] for f in fields)} times"),
        ("arguments", f"{len(arguments)}, each at least {min(census.arguments[a] for a in arguments)} times"),
        ("features", f"{len(FEATURES)}, the rarest {rarest[1]!r} {rarest[0]} times"),
        ("differences", len(counts.different)),
    ]
    for name, value in rows:
        print(f"{name:34} {value}")
    for (reason, clean), indices in sorted(counts.examples.items()):
        print(f"{reason}, {'no error' if clean else 'with errors'}: operations {indices[:6]}")
    for outcome in counts.internal[:5]:
        case = outcome.case
        print(f"internal error in operation {case.index} over {[*case.faults]}")


def _by_respect(counts: Counts) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in counts.different:
        found.setdefault(outcome.verdict.differences[0].partition(":")[0], []).append(outcome)
    return found


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one operation")
    parser.add_argument("--other", default=COMPILED, choices=[COMPILED, REFERENCE], help="what is compared")
    parser.add_argument("--reports", type=int, default=3, help="of each sort of difference")
    parser.add_argument("--together", type=int, default=1, help="operations that run at once, on each side")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # lying gateways make us log
    if given.only is not None:
        different = asyncio.run(one(given.only, given.seed, given.other))
    else:
        different = asyncio.run(
            many(given.operations, given.seed, given.other, given.reports, given.together)
        )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
