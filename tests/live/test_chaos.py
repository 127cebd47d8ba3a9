"""
Short forms of the long runs: faults and floods around the facade, and the process after a load.

The long forms, with figures: `make chaos` and `make soak`.
"""

from pathlib import Path

import pytest

from bench.facade import chaos, soak

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Processes are found in /proc.")


async def test_whatever_goes_wrong_clients_are_told_so_nothing_is_done_twice_and_it_recovers(
    tmp_path: Path,
) -> None:
    figures = await chaos.run(tmp_path, seconds=4)

    assert [(figure.what, figure.outcome) for figure in figures if not figure.ok] == []
    assert {"gateway gone", "time to recover", "kill -9 of one worker", "SIGTERM under load"} <= {
        f.what for f in figures
    }


async def test_after_a_load_with_many_who_hang_up_the_process_is_as_before(tmp_path: Path) -> None:
    figures = await soak.run(tmp_path, seconds=2)

    assert [(figure.what, figure.outcome) for figure in figures if not figure.ok] == []
    assert {f.what: f.tried for f in figures}["operations hung up on"] > 50
