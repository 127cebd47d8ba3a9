"""
Our servers beside others: builds, starts, checks and measures; writes a page and a picture.

    python -m bench.peers            docs/benchmark.md and .svg, about a quarter of an hour
    python -m bench.peers --quick    out/benchmark.md and .svg, about 2 minutes
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench.peers.figures import Figures
from bench.peers.picture import picture
from bench.peers.processes import ROOT, CannotStart
from bench.peers.report import page
from bench.peers.run import FULL, QUICK, AnswersDiffer, run
from bench.peers.systems import systems

FIGURES = "benchmark.json"
KEYS = [system.key for system in systems("")]
OURS = {system.key for system in systems("") if system.ours}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a first look: short rounds, few points")
    parser.add_argument(
        "--only", default="", metavar="KEYS", help=f"of {', '.join(KEYS)}: these, with commas between"
    )
    parser.add_argument("--to", type=Path, help="folder of the page and the picture")
    parser.add_argument(
        "--render", type=Path, metavar="FIGURES", help="measure nothing: render these figures again"
    )
    chosen = parser.parse_args()
    only = frozenset(filter(None, chosen.only.split(",")))
    if unknown := only - set(KEYS):
        parser.error(f"no system is called {', '.join(sorted(unknown))}: there are {', '.join(KEYS)}")
    if only and not only & OURS:
        parser.error(f"--only needs one of ours, {' or '.join(sorted(OURS))}: all ratios are about it")
    if only and not (chosen.quick or chosen.to):
        parser.error("a run of some systems is not for docs/: add --quick, or --to FOLDER")
    folder = chosen.to or ROOT / ("out" if chosen.quick else "docs")
    begun = time.monotonic()

    def tell(said: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {said}", flush=True)

    try:
        figures = (
            Figures.read(chosen.render) if chosen.render else run(QUICK if chosen.quick else FULL, tell, only)
        )
    except (AnswersDiffer, CannotStart, subprocess.CalledProcessError) as failure:
        sys.exit(f"bench: {failure}")
    _write(figures, folder)
    tell(f"written to {folder}")


def _write(figures: Figures, folder: Path) -> None:
    # Those of docs/ are kept beside the code: docs are for readers.
    kept = Path(__file__).parent if folder.resolve() == ROOT / "docs" else folder
    for needed in (folder, kept):
        needed.mkdir(parents=True, exist_ok=True)
    figures.write(kept / FIGURES)
    (folder / "benchmark.md").write_text(page(figures, "benchmark.svg"), encoding="utf-8")
    (folder / "benchmark.svg").write_text(picture(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
