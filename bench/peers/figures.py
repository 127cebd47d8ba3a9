"""What a run found, as plain values: written to a file, read again, and rendered. Measures nothing."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Round:
    """
    What one round of load cost.

    Attributes:
        per_s: operations in a second.
        cpu_ms: of the server's processes, for one operation.
        upstream: calls to the gateway for one operation.
        wrong: answers that were not the one checked before, or connections lost.
        foreign: share of the server's core that others used meanwhile, the kernel's interrupts included.
    """

    per_s: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    upstream: float
    rss_mb: float
    pss_mb: float
    operations: int
    wrong: int
    foreign: float = 0.0


@dataclass(frozen=True)
class Entrant:
    """A system as it took part; `missing` says why it did not."""

    key: str
    name: str
    ours: bool = False
    missing: str | None = None


@dataclass(frozen=True)
class Task:
    """A workload as it was measured."""

    name: str
    says: str
    connections: int
    answer_bytes: int


@dataclass(frozen=True)
class Cell:
    """
    One point of a table of growth, for one system.

    Attributes:
        rounds: what was measured; empty if nothing was.
        left_out: why nothing was.
    """

    rounds: list[Round] = field(default_factory=list)
    left_out: str | None = None


@dataclass(frozen=True)
class Growth:
    """
    How cost grows along one axis.

    Attributes:
        title: what is varied, in words.
        axis: name of the axis, with its unit.
        shows: attribute of a summary that the cells show.
        unit: of what they show.
        points: label of each row, and its cell for each system, by key.
    """

    title: str
    axis: str
    shows: str
    unit: str
    points: list[tuple[str, dict[str, Cell]]]


@dataclass(frozen=True)
class Figures:
    """
    One run.

    Attributes:
        machine: what it ran on, by name.
        versions: of what was compared, by name.
        rounds: by name of the workload, then by key of the system.
        ceiling_per_s: requests that load and stub do with each other, on one core.
        sandbox_rss_mb: resident memory of the service with the sandbox inside, after some reading.
    """

    when: str
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str]
    entrants: list[Entrant]
    tasks: list[Task]
    rounds: dict[str, dict[str, list[Round]]]
    growth: list[Growth]
    ceiling_per_s: float
    sandbox_rss_mb: float | None = None

    def summary(self, task: str, key: str) -> "Summary | None":
        """Of a workload and a system; None if it was not measured."""
        rounds = self.rounds.get(task, {}).get(key)
        return Summary.of(rounds) if rounds else None

    @property
    def foreign(self) -> list[float]:
        """Of each round, the share of the server's core that others used."""
        return [
            one.foreign for by_key in self.rounds.values() for rounds in by_key.values() for one in rounds
        ]

    @property
    def subject(self) -> Entrant:
        """The system that all ratios are about: the first of ours that could be measured."""
        return next(entrant for entrant in self.entrants if entrant.ours and entrant.missing is None)

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Figures":
        """What `write` wrote."""
        said = json.loads(path.read_text(encoding="utf-8"))
        said["entrants"] = [Entrant(**one) for one in said["entrants"]]
        said["tasks"] = [Task(**one) for one in said["tasks"]]
        said["rounds"] = {
            task: {key: [Round(**one) for one in rounds] for key, rounds in by_key.items()}
            for task, by_key in said["rounds"].items()
        }
        said["growth"] = [_growth(one) for one in said["growth"]]
        return cls(**said)


def _growth(said: dict[str, Any]) -> Growth:
    points = [
        (
            label,
            {
                key: Cell([Round(**r) for r in cell["rounds"]], cell["left_out"])
                for key, cell in cells.items()
            },
        )
        for label, cells in said["points"]
    ]
    return Growth(**{**said, "points": points})


@dataclass(frozen=True)
class Summary:
    """Medians of several rounds; of CPU the best round too, because a shared machine only ever adds."""

    per_s: float
    cpu_ms: float
    cpu_best_ms: float
    p50_ms: float
    p99_ms: float
    upstream: float
    rss_mb: float
    pss_mb: float
    wrong: int

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> "Summary":
        """Of one round at least."""

        def median(name: str) -> float:
            return float(statistics.median(getattr(one, name) for one in rounds))

        return cls(
            per_s=median("per_s"),
            cpu_ms=median("cpu_ms"),
            cpu_best_ms=min(one.cpu_ms for one in rounds),
            p50_ms=median("p50_ms"),
            p99_ms=median("p99_ms"),
            upstream=median("upstream"),
            rss_mb=max(one.rss_mb for one in rounds),
            pss_mb=max(one.pss_mb for one in rounds),
            wrong=sum(one.wrong for one in rounds),
        )
