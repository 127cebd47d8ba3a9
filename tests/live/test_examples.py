"""The clients of `examples/`, each as its README says, against a live service."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import Command

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NODE_MAJOR_MIN = 20
STEP_S = 120

ALL = {"locations": 120, "cities": 30, "refused": "BAD_USER_INPUT"}


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("service")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    with Command("serve", "--port", "0", "--database", str(database), folder=folder) as command:
        yield command.announced()


def run(*command: str, folder: Path, **environ: str) -> str:
    """What it says on stdout; a failure shows all it said."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"} | environ,
        capture_output=True,
        text=True,
        timeout=STEP_S,
        check=False,
    )
    assert ended.returncode == 0, f"{command} failed:\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def told(stdout: str) -> Any:
    """Its last line, which is JSON."""
    return json.loads(stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def npm() -> str:
    """npm, where there is a Node.js new enough and a registry; elsewhere these tests are skipped."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("No Node.js here: install nodejs and npm.")
    version = run(node, "--version", folder=ROOT)
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR_MIN:
        pytest.skip(f"The examples need Node.js {NODE_MAJOR_MIN}, this is {version.strip()}.")
    registry = run(npm, "config", "get", "registry", folder=ROOT).strip()
    try:
        urllib.request.urlopen(f"{registry.rstrip('/')}/graphql", timeout=10).close()  # noqa: S310
    except urllib.error.HTTPError:
        pass  # it answers
    except OSError as error:
        pytest.skip(f"The npm registry {registry} cannot be reached: {error}.")
    return npm


def installed(npm: str, example: str, folder: Path) -> Path:
    """A copy of an example with the packages of its lock file."""
    generated = shutil.ignore_patterns("node_modules", "out", "gql", "__generated__", "schema.graphql")
    copy = shutil.copytree(EXAMPLES / example, folder / example, ignore=generated)
    run(npm, "ci", "--no-audit", "--no-fund", "--prefer-offline", folder=copy)
    return Path(copy)


def test_the_python_client_reads_every_location(service: Command) -> None:
    script = str(EXAMPLES / "python" / "locations.py")

    assert told(run(sys.executable, script, f"{service.url}/graphql", folder=ROOT)) == ALL
    assert {line.get("client_name") for line in service.access_log()} == {"python-example"}


@pytest.mark.timeout(300)
def test_the_typescript_client_is_generated_checked_and_reads_every_location(
    npm: str, service: Command, tmp_path: Path
) -> None:
    folder = installed(npm, "typescript", tmp_path)

    run(npm, "run", "generate", folder=folder, SCHEMA=f"{service.url}/schema.graphql")
    run(npm, "run", "check", folder=folder)
    run(npm, "run", "build", folder=folder)

    assert told(run(npm, "start", "--silent", folder=folder, URL=f"{service.url}/graphql")) == ALL


@pytest.mark.timeout(300)
def test_the_relay_container_pages_through_every_location(npm: str, service: Command, tmp_path: Path) -> None:
    folder = installed(npm, "relay", tmp_path)
    shutil.copy(ROOT / "schema.graphql", folder)

    (folder / "src" / "__generated__").mkdir(exist_ok=True)
    run(npm, "run", "compile", folder=folder)

    shown = told(run(npm, "start", "--silent", folder=folder, URL=f"{service.url}/graphql"))
    assert shown == {"title": "120 of 120", "locations": 120, "requests": 3}


@pytest.mark.parametrize("example", ["typescript", "relay"])
def test_a_lock_file_names_no_registry(example: str) -> None:
    packages = json.loads((EXAMPLES / example / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)
