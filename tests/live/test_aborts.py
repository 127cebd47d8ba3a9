"""Callers who hang up over real connections, by the hundred; `python -m bench.facade.aborts` has them by the thousand."""

import subprocess
import sys
from pathlib import Path

from tests.live.processes import clean_environ

ROOT = Path(__file__).parents[2]


def test_operations_that_are_aborted_leave_no_task_slot_connection_or_memory_behind() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.facade.aborts", "--operations", "400", "--at-once", "20"],
        check=False,
        cwd=ROOT,
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (ended.returncode, "nothing was left behind" in ended.stdout) == (0, True), ended
