"""A process at its most talkative, sent secrets in every place there is."""

import signal
from pathlib import Path

import httpx

from tests.live.processes import Command

SECRET = "s3cr3t_b4c4lh4u"
HEADERS = {
    "authorization": f"Bearer {SECRET}",
    "x-organization-id": SECRET,
    "cookie": f"session={SECRET}",
    "referer": f"https://front.example/{SECRET}",
    "user-agent": SECRET,
    "x-request-id": f"secret {SECRET}",  # not in the form of a request id
}
IN_PLACE = 'query Q($v: ID!) { cpo(cpoId: $v) { id } location(locationId: "%s") { id } }'
OPERATIONS = [
    {"query": IN_PLACE % SECRET, "variables": {"v": SECRET}},
    {"query": f"{{ {SECRET} }}", "operationName": SECRET},
    {"query": f"# {SECRET}\n{{ cpos {{ totalCount }} }}", "operationName": SECRET},
    {"query": f"{{ cpos {{ totalCount }} }} {SECRET}", "extensions": {SECRET: SECRET}},
    {"query": "{ cpos { totalCount } }", "variables": {SECRET: SECRET}},
]


def test_no_secret_is_ever_written_not_even_at_debug(database: Path, tmp_path: Path) -> None:
    environ = {"OCPPLAB_LOG_LEVEL": "DEBUG", "OCPPLAB_DATABASE": str(database)}
    with (
        Command("serve", "--port", "0", folder=tmp_path, environ=environ) as running,
        httpx.Client(base_url=running.announced().url, headers=HEADERS) as client,
    ):
        statuses = [
            client.post(f"/graphql?token={SECRET}", json=operation).status_code for operation in OPERATIONS
        ]
        statuses += [
            client.get("/graphql", params={"query": str(operation["query"])}).status_code
            for operation in OPERATIONS
        ]
        statuses.append(client.post("/graphql", content=SECRET).status_code)
        statuses.append(client.put("/graphql", content=SECRET).status_code)
        client.get(f"/{SECRET}")
        client.get(f"/sandbox/ocpi/cpos?{SECRET}")
        ended = running.stop(signal.SIGTERM)
        lines = running.access_log()

    written = "\n".join(running.said()) + ended.stderr
    assert len(lines) == len(statuses) == 12
    assert [line["status"] for line in lines] == statuses
    assert SECRET not in written.lower()
