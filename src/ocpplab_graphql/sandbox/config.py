"""What a sandbox is started with, and how a failed start is told."""

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFAULT_DATABASE", "SandboxConfig", "SandboxStartError", "Seed", "shown_address"]

Seed = Literal["demo", "empty"]

DEFAULT_DATABASE = ".data/sandbox.db"


class SandboxStartError(Exception):
    """The sandbox cannot start. The message is one line that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """
    Everything a sandbox can be told.

    Args:
        database: path of a SQLite file (its folder is made when missing), or a SQLAlchemy URL.
        seed: the world that is written, once, into a database that has none.
        step_delay_ms: pause before every bulk item, so that a job's progress can be watched.
        faults: what goes wrong on demand from the start, as `--fault` says it.

    """

    database: str = DEFAULT_DATABASE
    seed: Seed = "demo"
    step_delay_ms: int = 0
    faults: tuple[str, ...] = ()


def shown_address(database: str) -> str:
    """A path as it is; a URL without its password."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", database)
