"""What processes share: one contract, held by both adapters."""

import asyncio
import shutil
import socket
import subprocess
import time
from dataclasses import replace

import pytest

from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.gateway.errors import GatewayOutcomeUnknown
from ocpplab_graphql.schema.once import KeyReused, Once, Use, once
from ocpplab_graphql.shared import InProcess, SharedStateUnavailable
from ocpplab_graphql.shared.on_redis import OnRedis


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """A Redis of these tests' own, in memory alone."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "redis.sock"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 10
        while not _answers(path) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@pytest.fixture(params=["in process", "Redis"])
async def store(request):
    if request.param == "Redis":
        kept = OnRedis(request.getfixturevalue("redis_url"), prefix=f"{time.monotonic_ns()}:", connections=4)
    else:
        kept = InProcess(entries_max=1000, bytes_max=2**20)
    yield kept
    await kept.aclose()


async def test_a_value_that_is_deleted_makes_room_for_another_first(store):
    assert await store.set_if_absent("a", b"1", ttl_s=60)
    await store.delete("a")
    await store.delete("never was")

    assert await store.get("a") is None
    assert await store.set_if_absent("a", b"2", ttl_s=60)


async def test_a_value_is_kept_and_replaced(store):
    assert await store.get("a") is None
    await store.set("a", b"\x00\xff", ttl_s=60)
    await store.set("b", b"other", ttl_s=60)
    assert await store.get("a") == b"\x00\xff"
    await store.set("a", b"", ttl_s=60)
    assert await store.get("a") == b""


async def test_a_value_is_gone_when_its_time_is_over(store):
    await store.set("a", b"1", ttl_s=0.05)
    until = time.monotonic() + 10
    while await store.get("a") is not None:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)

    assert await store.set_if_absent("a", b"2", ttl_s=60)


async def test_of_many_who_set_at_once_one_did(store):
    # More than there are connections: the others wait for theirs.
    did = await asyncio.gather(*(store.set_if_absent("a", b"%d" % n, ttl_s=60) for n in range(50)))

    assert did.count(True) == 1
    assert await store.get("a") == b"%d" % did.index(True)


async def test_two_processes_see_the_same_and_two_services_do_not(redis_url):
    one, two, other = (OnRedis(redis_url, prefix=prefix) for prefix in ("s:", "s:", "t:"))
    await one.set("a", b"1", ttl_s=60)

    assert [await store.get("a") for store in (one, two, other)] == [b"1", b"1", None]
    assert not await two.set_if_absent("a", b"2", ttl_s=60)
    for store in (one, two, other):
        await store.aclose()


async def test_a_redis_that_is_gone_is_told_without_its_password(tmp_path):
    store = OnRedis(f"unix://:secret@{tmp_path}/none.sock")

    for attempt in (
        store.get("a"),
        store.set("a", b"", ttl_s=1),
        store.set_if_absent("a", b"", ttl_s=1),
    ):
        with pytest.raises(SharedStateUnavailable) as told:
            await attempt
        assert "secret" not in str(told.value)
    await store.aclose()


async def test_within_a_process_what_was_longest_unused_makes_room():
    store = InProcess(entries_max=2, bytes_max=100)
    for key in ("a", "b"):
        await store.set(key, b"1", ttl_s=60)
    await store.get("a")
    await store.set("c", b"1", ttl_s=60)

    assert [await store.get(key) for key in "abc"] == [b"1", None, b"1"]


async def test_within_a_process_bytes_are_bounded_too():
    store = InProcess(entries_max=100, bytes_max=100)
    await store.set("large", b"x" * 100, ttl_s=60)
    assert await store.get("large") is None
    for n in range(20):
        await store.set(f"k{n}", b"x" * 28, ttl_s=60)
        await store.set(f"k{n}", b"x" * 27, ttl_s=60)

    assert [n for n in range(20) if await store.get(f"k{n}")] == [17, 18, 19]
    assert store._bytes == 90


async def test_processes_that_share_a_memory_send_a_write_once(store):
    sent = []

    async def send():
        sent.append(1)
        await asyncio.sleep(0)
        return "job-1"

    def process():
        return Once(store, keeps_s=60, in_flight_s=10, gateway_honours_keys=False)

    use = Use(Credentials("Bearer t"), "bulkCreateLocations", "k", b"input")
    first = await once(process(), use, send)
    again = await once(process(), use, send)

    assert (first, again, len(sent)) == (("job-1", True), ("job-1", False), 1)
    with pytest.raises(KeyReused):
        await once(process(), replace(use, input=b"other"), send)


@pytest.mark.parametrize(("in_flight_s", "within_s"), [(-1, 10), (10, -1)])
async def test_a_write_whose_process_was_killed_is_not_sent_again_blindly(store, in_flight_s, within_s):
    use = Use(Credentials("Bearer t"), "bulkCreateLocations", "k", b"input", within_s)
    killed = Once(store, keeps_s=60, in_flight_s=in_flight_s, gateway_honours_keys=False)
    assert await killed.known(use) is None

    with pytest.raises(GatewayOutcomeUnknown):
        await Once(store, keeps_s=60, in_flight_s=10, gateway_honours_keys=False).known(use)
    assert await Once(store, keeps_s=60, in_flight_s=10, gateway_honours_keys=True).known(use) is None
