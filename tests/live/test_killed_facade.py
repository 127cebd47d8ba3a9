"""
`kill -9` of the facade at every point of a bulk creation, and the same request again.

The long form, with random moments and figures: `make chaos`.
"""

import shutil
from pathlib import Path

import pytest

from bench.facade.kills import POINTS, WITHOUT_MEMORY, run

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Processes are found in /proc.")


async def test_before_a_gateway_that_honours_keys_a_killed_creation_makes_exactly_one_job(
    tmp_path: Path,
) -> None:
    killed = await run(tmp_path, rounds=4, honours=True, remembers=False)

    assert {told.point for told in killed} >= set(WITHOUT_MEMORY)
    assert [told.outcome for told in killed] == ["one job; 1 jobs"] * 4


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
async def test_before_one_that_ignores_them_it_makes_at_most_one_and_its_unknown_fate_is_told(
    tmp_path: Path,
) -> None:
    killed = await run(tmp_path, rounds=len(POINTS), honours=False, remembers=True)

    assert {told.point: told.outcome for told in killed} == {
        "claim": "one job; 1 jobs",
        "claimed": "OUTCOME_UNKNOWN; 0 jobs",
        "asked": "OUTCOME_UNKNOWN; 0 jobs",
        "done": "OUTCOME_UNKNOWN; 1 jobs",
        "settle": "OUTCOME_UNKNOWN; 1 jobs",
        "settled": "one job; 1 jobs",
    }
