"""
The product's command in a process that tells, at SIGUSR2, how many tasks and objects it has.

Each time a line is written to the file that `WATCHED_FILE` names.

    WATCHED_FILE=counts python -m bench.facade.watched serve --port 0
"""

import asyncio
import gc
import json
import os
import signal
from pathlib import Path

from ocpplab_graphql.cli import main

_FILE = Path(os.environ.get("WATCHED_FILE", "watched.jsonl"))


def _tell(*_: object) -> None:
    gc.collect()
    objects = gc.get_objects()
    tasks = sum(isinstance(each, asyncio.Task) and not each.done() for each in objects)
    with _FILE.open("a") as told:
        told.write(json.dumps({"tasks": tasks, "objects": len(objects)}) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, _tell)
    main()
