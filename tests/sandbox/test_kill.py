"""A sandbox in a process of its own, killed with SIGKILL in the middle of a job."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx

HEADERS = {"Authorization": "Bearer demo", "Idempotency-Key": "kill"}
PATH = "/ocpi/cpos/101/locations"


class Sandbox:
    """A process that can be killed and started again."""

    def __init__(self, database):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.database = database
        self.base = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        arguments = ["--port", str(self.port), "--database", self.database, "--step-delay-ms", "3"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocpplab_graphql.sandbox", *arguments], stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                httpx.get(f"{self.base}/health", timeout=1)
            except httpx.HTTPError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the sandbox does not start")

    def stop(self, number):
        os.kill(self.process.pid, number)
        return self.process.wait(20)

    def get(self, path):
        return httpx.get(self.base + path, headers=HEADERS).json()


def created(sandbox):
    names, page = [], 1
    while rows := sandbox.get(f"{PATH}?limit=100&page={page}")["data"]:
        names += [row["name"] for row in rows if row["name"].startswith("k-")]
        page += 1
    return names


def test_a_job_killed_three_times_makes_every_item_once(sqlite_database, item):
    sandbox, delays = Sandbox(sqlite_database), (0.15, 0.25, 0.1)
    group = {
        "template": {
            "brand_slug": "keba",
            "model_slug": "kecontact-p40",
            "connector_type": "Type2",
            "ocpp_version": "OCPP1.6",
            "ws_url": "wss://csms.example.com",
            "identity_prefix": "K_",
        },
        "charger_ids": ["1", "2"],
    }
    body = {"locations": [item(f"k-{n}", charges=[group]) for n in range(200)]}
    try:
        first = httpx.post(sandbox.base + PATH, json=body, headers=HEADERS)
        for delay in delays:
            time.sleep(delay)
            sandbox.stop(signal.SIGKILL)
            left = 200 - _count(sqlite_database)
            assert left > 0, "the job was over before the kill"
            sandbox.start()
            up = time.monotonic()
            while 200 - _count(sqlite_database) == left:
                assert time.monotonic() - up < 2, "the job was not resumed within 2 s"
                time.sleep(0.02)
        again = httpx.post(sandbox.base + PATH, json=body, headers=HEADERS)
        assert again.json() == first.json()
        end = time.monotonic() + 30
        while (job := sandbox.get(first.json()["status_url"]))["status"] != "READY":
            assert time.monotonic() < end
            time.sleep(0.05)
        names = created(sandbox)
        topology = sandbox.get("/ocpi/cpos/101")["topology"]
    finally:
        code = sandbox.stop(signal.SIGTERM)

    assert sorted(names) == sorted(f"k-{n}" for n in range(200))
    assert len(set(job["results"]["location_ids"])) == 200
    assert (topology["locations"], topology["chargers"]) == (320, 880)
    assert code == 0


def _count(database):
    import sqlite3

    connection = sqlite3.connect(database)
    try:
        return connection.execute("select count(*) from locations where name like 'k-%'").fetchone()[0]
    finally:
        connection.close()
