"""`/metrics`: what this process counts, in the text format of Prometheus. It names no caller and no document."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "ocpplab_"


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One thing that is counted or measured.

    Attributes:
        name: without the prefix that all share; a counter ends in `_total`.
        help: what it is, in one line.
        label: the name of the one label that tells its values apart; None for a single value.
        values: its values now, by that label.
    """

    name: str
    type: Literal["counter", "gauge"]
    help: str
    values: Callable[[], Mapping[str, float]]
    label: str | None = None


class Metrics:
    """The metrics of one process, read when somebody asks."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    async def endpoint(self, _request: Request) -> Response:
        """All of them."""
        text = "".join(_exposed(metric) for metric in self._metrics)
        return PlainTextResponse(text, media_type=_MEDIA_TYPE, headers={"cache-control": "no-store"})


def _exposed(metric: Metric) -> str:
    name = _PREFIX + metric.name
    lines = [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.type}"]
    for value, number in metric.values().items():
        label = "" if metric.label is None else f'{{{metric.label}="{value}"}}'
        lines.append(f"{name}{label} {number:g}")
    return "\n".join(lines) + "\n"
