"""The table in which every long run tells what it found."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One row.

    Attributes:
        what: the fault or attack.
        tried: how many times.
        ok: whether the outcome is what it must be.
    """

    what: str
    tried: int
    outcome: str
    ok: bool = True


def print_figures(title: str, figures: Sequence[Figure]) -> int:
    """Print them as a table of Markdown. Returns the exit code: 1 when one of them is not as it must be."""
    width = max((len(figure.what) for figure in figures), default=0)
    print(f"\n## {title}\n\n| {'fault or attack':<{width}} | tried | outcome |")
    print(f"| {'-' * width} | ----: | ------- |")
    for figure in figures:
        wrong = "" if figure.ok else "**WRONG** "
        print(f"| {figure.what:<{width}} | {figure.tried:>5,} | {wrong}{figure.outcome} |")
    print(flush=True)
    return int(not all(figure.ok for figure in figures))
