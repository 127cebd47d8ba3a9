"""Figures as a picture: for each workload the throughput of each system, as bars. SVG, without any library."""

from collections.abc import Iterator
from html import escape

from bench.peers.figures import Figures

_WIDTH = 960
_PANEL = _WIDTH // 2
_NAME, _BAR, _LINE = 192, 160, 21
_OURS, _OURS_TOO, _THEIRS = "#0b7a75", "#7fc4bf", "#9aa5b1"


def picture(figures: Figures) -> str:
    """The whole document."""
    panels = [task.name for task in figures.tasks if task.connections > 1]
    height_each = 58 + _LINE * len(figures.entrants)
    height = 66 + height_each * ((len(panels) + 1) // 2) + 26
    body = [
        line
        for n, name in enumerate(panels)
        for line in _panel(figures, name, n % 2 * _PANEL, 66 + n // 2 * height_each)
    ]
    ratio = "operations a second on one core; × is relative to Strawberry as in its tutorial"
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12.5" fill="#1f2933" role="img">'
    )
    return "\n".join(
        [
            opening,
            "<title>Throughput of each system for each workload</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(20, 30, "Throughput beside other servers", size=18, weight=600),
            _text(20, 50, ratio, colour="#52606d"),
            *body,
            _text(20, height - 10, _footnote(figures), size=11, colour="#7b8794"),
            "</svg>",
            "",
        ]
    )


def _panel(figures: Figures, task: str, left: int, top: int) -> Iterator[str]:
    says = next(one.says for one in figures.tasks if one.name == task)
    yield _text(left + 20, top + 16, task, size=14, weight=600)
    yield _text(left + 20, top + 32, says if len(says) <= 76 else says[:74] + "…", size=11, colour="#52606d")
    found = {entrant.key: figures.summary(task, entrant.key) for entrant in figures.entrants}
    # The floor does no GraphQL: it would make all bars small, and has a number in place of one.
    most = max((one.per_s for key, one in found.items() if one and key != "floor"), default=1) or 1
    base = found.get("tutorial")
    for n, entrant in enumerate(figures.entrants):
        y = top + 42 + n * _LINE
        weight = 600 if entrant == figures.subject else 400
        yield _text(left + _NAME + 12, y + 13, entrant.name, anchor="end", weight=weight)
        one = found[entrant.key]
        if one is None:
            yield _text(left + _NAME + 22, y + 13, "missing", colour="#7b8794")
            continue
        times = f" · {_rounded(one.per_s / base.per_s)}×" if base and base.per_s else ""
        width = 0.0 if entrant.key == "floor" else max(1.0, one.per_s / most * _BAR)
        if width:
            colour = _OURS if entrant == figures.subject else _OURS_TOO if entrant.ours else _THEIRS
            yield f'<rect x="{left + _NAME + 20}" y="{y}" width="{width:.1f}" height="16" rx="2" fill="{colour}"/>'
        yield _text(left + _NAME + 26 + width, y + 13, f"{_rounded(one.per_s)}{times}", weight=weight)


def _footnote(figures: Figures) -> str:
    kind = "Quick run" if figures.quick else "Full run"
    return f"{kind} of make bench, {figures.when}; {figures.machine.get('processor', 'unknown processor')}"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12.5,
    weight: int = 400,
    colour: str = "#1f2933",
    anchor: str = "start",
) -> str:
    shown = escape(words)
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{shown}</text>'
    )
