"""What CI promises: nothing is skipped there unseen."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITE = {
    "test_some.py": """import pytest

def test_skipped_on_the_way():
    pytest.skip('no browser')

@pytest.mark.skip(reason='no browser')
def test_marked():
    pass

@pytest.mark.xfail(reason='known')
def test_known_to_fail():
    assert False
""",
    "test_file.py": "import pytest\n\npytest.skip('no browser', allow_module_level=True)\n",
}


def test_what_is_skipped_elsewhere_fails_in_ci_and_a_known_failure_may_fail(tmp_path: Path) -> None:
    for name, content in SUITE.items():
        (tmp_path / name).write_text(content)

    running = [_run(tmp_path, ci) for ci in ("", "true")]
    elsewhere, in_ci = (process.communicate()[0] for process in running)

    assert "3 skipped, 1 xfailed" in elsewhere
    assert "1 failed, 1 xfailed, 2 errors" in in_ci
    assert in_ci.count("In CI nothing is skipped. Skipped: no browser") == 3
    assert [process.returncode for process in running] == [0, 1]


def _run(folder: Path, ci: str) -> "subprocess.Popen[str]":
    arguments = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-rN", "--continue-on-collection-errors"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments, "-c", str(ROOT / "pyproject.toml"), str(folder)],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
