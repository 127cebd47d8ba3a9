"""Three hundred slow senders at once, and the healthy clients beside them."""

import shutil
from pathlib import Path

from bench.facade.slow_senders import measured
from tests.live.processes import Command


async def test_three_hundred_slow_senders_do_not_slow_the_healthy(
    seeded_database: Path, tmp_path: Path
) -> None:
    database = shutil.copy(seeded_database, tmp_path / "sandbox.db")
    environ = {"OCPPLAB_RECEIVE_TIMEOUT_S": "1", "OCPPLAB_ACCESS_LOG": "off", "OCPPLAB_LOG_LEVEL": "WARNING"}
    arguments = ("serve", "--port", "0", "--database", str(database))
    with Command(*arguments, folder=tmp_path, environ=environ) as service:
        figures = await measured(service.announced(), senders=300, seconds=2)
        ended = service.stop()

    assert (figures.calm.failures, figures.flooded.failures) == (0, 0)
    assert figures.cut_off >= 300
    # What else runs on the machine is in the throughput, and not in the processor time for each answer.
    assert figures.throughput > 0.2
    assert figures.cpu < 2
    assert (ended.code, ended.stderr) == (0, "")
