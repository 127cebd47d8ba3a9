"""`serve` as people start it: a process, a port, HTTP."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.live.processes import Command, clean_environ

NESTED = """{
  cpos(first: 3) {
    totalCount
    nodes { cpoId locations(first: 2) { totalCount nodes { name chargers { nodes { identity } } } } }
  }
}"""


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A service with the sandbox inside. Nobody writes."""
    folder = tmp_path_factory.mktemp("service")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    with Command("serve", "--port", "0", "--database", str(database), folder=folder) as command:
        yield command.announced()


def test_a_nested_query_is_answered_over_http(service: Command) -> None:
    cpos = service.data(NESTED)["cpos"]

    assert cpos["totalCount"] == 3
    assert [(cpo["cpoId"], cpo["locations"]["totalCount"]) for cpo in cpos["nodes"]] == [
        ("101", 120),
        ("102", 80),
        ("103", 50),
    ]
    locations = [location for cpo in cpos["nodes"] for location in cpo["locations"]["nodes"]]
    assert len(locations) == 6
    assert all(charger["identity"] for place in locations for charger in place["chargers"]["nodes"])


def test_the_sandbox_is_there_as_rest_too(service: Command) -> None:
    path = f"{service.url}/sandbox/ocpi/cpos"
    by_rest = httpx.get(path, headers={"Authorization": "Bearer demo"})

    assert by_rest.status_code == 200
    assert len(by_rest.json()["data"]) == 3
    assert httpx.get(path).status_code == 401
    assert httpx.get(f"{service.url}/sandbox/health").json() == {"status": "ok"}
    assert httpx.get(f"{service.url}/sandbox/docs").status_code == 200


def test_health_readiness_and_the_schema_can_be_read(service: Command) -> None:
    health, ready = httpx.get(f"{service.url}/health"), httpx.get(f"{service.url}/ready")
    sdl = httpx.get(f"{service.url}/schema.graphql")

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert sdl.text == Path("schema.graphql").read_text(encoding="utf-8")


def test_the_first_page_leads_to_graphql(service: Command) -> None:
    response = httpx.get(service.url, headers={"Accept": "text/html"}, follow_redirects=True)

    assert response.url.path == "/graphql"
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_a_second_start_answers_within_three_seconds(tmp_path: Path) -> None:
    took = []
    for _ in range(2):
        started = time.monotonic()
        with Command("serve", "--port", "0", folder=tmp_path) as command:
            command.announced().data("{ cpos { totalCount } }")
            took.append(time.monotonic() - started)
            assert command.stop().code == 0

    assert (tmp_path / ".data" / "sandbox.db").exists()
    assert took[1] < 3, f"first and second start took {took} s"


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0_and_the_database_closed(
    database: Path, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    with Command(command, "--port", "0", "--database", str(database), folder=tmp_path) as running:
        health = httpx.get(f"{running.announced().url}/health")
        open_files = [path.name for path in tmp_path.glob("sandbox.db-*")]
        ended = running.stop(number)

    assert health.status_code == 200
    assert "sandbox.db-wal" in open_files
    assert (ended.code, ended.stderr) == (0, "")
    assert list(tmp_path.glob("sandbox.db-*")) == []  # SQLite removes its log when the last one closes


def test_a_signal_during_the_start_ends_it_with_code_0(tmp_path: Path) -> None:
    with Command("sandbox", "--port", "0", folder=tmp_path) as running:
        while not list(tmp_path.glob(".data/sandbox.db-wal")):
            time.sleep(0.005)
        ended = running.stop()

    assert (ended.code, ended.stderr) == (0, "")


def test_a_connection_that_asks_nothing_does_not_hold_up_the_end(database: Path, tmp_path: Path) -> None:
    with Command("serve", "--port", "0", "--database", str(database), folder=tmp_path) as running:
        address = urlsplit(running.announced().url)
        with (
            httpx.Client(base_url=running.url) as kept_alive,
            socket.create_connection((address.hostname, address.port)) as half_asked,
        ):
            kept_alive.get("/health")
            half_asked.sendall(b"POST /graphql HTTP/1.1\r\nHost: here\r\n")
            started = time.monotonic()
            ended = running.stop()
            took = time.monotonic() - started

    assert (ended.code, ended.stderr) == (0, "")
    assert took < 5


def bad_databases(folder: Path) -> dict[str, str]:
    (folder / "corrupt.db").write_bytes(b"\x17 no database" * 1000)
    (folder / "file").write_text("")
    return {
        "a folder": str(folder),
        "corrupt": str(folder / "corrupt.db"),
        "below a file": str(folder / "file" / "sandbox.db"),
        # The only folder in which nobody may write, not even root.
        "not writable": "/proc/sandbox.db",
        "no driver": "nonsense://host/name",
        "nobody listens": "postgresql+asyncpg://user:secret@127.0.0.1:1/name",
    }


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("a folder", "unable to open database file"),
        ("corrupt", "file is not a database"),
        ("below a file", "cannot make the folder of the database"),
        ("not writable", "unable to open database file"),
        ("no driver", "no driver for the database"),
        ("nobody listens", "the database postgresql+asyncpg://user:***@127.0.0.1:1/name"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, command: str, which: str, said: str
) -> None:
    address = bad_databases(tmp_path)[which]
    with Command(command, "--port", "0", "--database", address, folder=tmp_path) as running:
        ended = running.wait()

    assert_one_line(ended.code, ended.stderr, said)


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OCPPLAB_NONSENSE", "1", "Unknown setting OCPPLAB_NONSENSE. Known are: OCPPLAB_A"),
        ("OCPPLAB_SEED", "chaos", "Setting OCPPLAB_SEED: Input should be 'demo' or 'empty', got 'chaos'."),
        ("OCPPLAB_SANDBOX_STEP_DELAY_MS", "soon", "Setting OCPPLAB_SANDBOX_STEP_DELAY_MS: "),
        ("OCPPLAB_GATEWAY_URL", "gateway", "Setting OCPPLAB_GATEWAY_URL: "),
        ("OCPPLAB_OPERATION_TIMEOUT_S", "0", "Setting OCPPLAB_OPERATION_TIMEOUT_S: "),
    ],
)
def test_a_setting_that_does_not_fit_is_told_in_one_line(
    tmp_path: Path, command: str, name: str, value: str, said: str
) -> None:
    with Command(command, "--port", "0", folder=tmp_path, environ={name: value}) as running:
        ended = running.wait()

    assert_one_line(ended.code, ended.stderr, said)
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_a_taken_port_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Command(command, "--port", str(port), folder=tmp_path) as running:
            ended = running.wait()

    assert_one_line(
        ended.code,
        ended.stderr,
        f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port",
    )
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_a_host_of_another_machine_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    with Command(command, "--port", "0", "--host", "192.0.2.1", folder=tmp_path) as running:
        ended = running.wait()

    assert_one_line(ended.code, ended.stderr, "cannot listen on 192.0.2.1:0: ")


def test_a_page_that_was_not_built_is_told_in_one_line(tmp_path: Path) -> None:
    unbuilt = "from pathlib import Path; from ocpplab_graphql.http.console import Console; "
    unbuilt += "Console.__init__.__defaults__ = (Path('nowhere'),); "
    program = ("-c", unbuilt + "from ocpplab_graphql import cli; cli.main()")
    with Command("serve", "--port", "0", folder=tmp_path, program=program) as running:
        ended = running.wait()

    assert_one_line(ended.code, ended.stderr, "`make console` builds it")


def test_a_manifest_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    environ = {"OCPPLAB_TRUSTED_DOCUMENTS": "only", "OCPPLAB_TRUSTED_DOCUMENTS_FILE": "manifest.json"}
    with Command("serve", "--port", "0", folder=tmp_path, environ=environ) as running:
        ended = running.wait()

    assert_one_line(ended.code, ended.stderr, "manifest.json is not JSON")


def test_who_uses_no_redis_does_not_load_its_client() -> None:
    code = "import sys, ocpplab_graphql.app; sys.exit('redis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def assert_one_line(code: int, stderr: str, said: str) -> None:
    lines = stderr.splitlines()
    assert code == 2, stderr
    assert len(lines) == 1, stderr
    assert lines[0].startswith("ocpplab-graphql: ")
    assert said in lines[0]


def test_the_sandbox_alone_takes_its_settings_from_the_environment_too(tmp_path: Path) -> None:
    environ = {"OCPPLAB_DATABASE": "elsewhere/world.db", "OCPPLAB_SEED": "empty"}
    with Command("sandbox", "--port", "0", folder=tmp_path, environ=environ) as running:
        cpos = httpx.get(
            f"{running.announced().url}/ocpi/cpos", headers={"Authorization": "Bearer demo"}
        ).json()

    assert cpos["data"] == []
    assert (tmp_path / "elsewhere" / "world.db").exists()


def test_a_facade_of_a_remote_gateway_loads_no_database_and_no_sandbox(tmp_path: Path) -> None:
    script = """
import json, sys
import ocpplab_graphql.cli
from ocpplab_graphql import Settings, create_app

create_app(Settings.load(gateway_url="http://127.0.0.1:1"))
print(json.dumps(sorted(sys.modules)))
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(run.stdout))

    assert not {"sqlalchemy", "aiosqlite", "sqlite3"} & loaded
    ours = {name for name in loaded if name.startswith("ocpplab_graphql.sandbox")}
    assert ours <= {
        "ocpplab_graphql.sandbox",
        "ocpplab_graphql.sandbox.command",
        "ocpplab_graphql.sandbox.config",
        "ocpplab_graphql.sandbox.serving",
        "ocpplab_graphql.sandbox.upkeep",
    }
