"""Two answers to one operation: whether they are the same, and where they are not."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from tests.differential.door import Answered

_DECODER = json.JSONDecoder(parse_float=lambda text: f"float {text}", parse_int=lambda text: f"int {text}")
_EVENT = re.compile(r"event: next\ndata: (.*)\n\n")
# What no two executions have in common: times, and which of the paths that read the same row came before it was
# there and so are told to have asked for it.
_OF_ITS_OWN = {"startMs", "durationMs", "paths", "pathCount"}


@dataclass(frozen=True)
class Verdict:
    """
    What became of a comparison.

    Attributes:
        differences: one line each; none when the answers are the same.
        reordered: the same errors, in another order.
        calls: equal, fewer, other (as many, but not the same ones) or more.
    """

    differences: tuple[str, ...]
    reordered: bool
    calls: str


def compare(reference: Answered, other: Answered) -> Verdict:
    """
    The answers of both executors.

    Data is compared byte for byte, errors as a multiset: their order tells which field ended first, and is
    counted. Calls may be fewer than the reference's, never more.
    """
    differences = []
    if reference.status != other.status:
        differences.append(f"status: {reference.status} and {other.status}")
    if _headers(reference) != _headers(other):
        differences.append(f"headers: {_headers(reference)} and {_headers(other)}")
    bodies, others = list(_bodies(reference)), list(_bodies(other))
    if len(bodies) != len(others):
        differences.append(f"events: {len(bodies)} and {len(others)}")
    reordered = False
    for body, another in zip(bodies, others, strict=False):
        found, moved = _compared(body, another)
        differences += found
        reordered |= moved
    calls = _calls(Counter(reference.calls), Counter(other.calls))
    if calls == "more":
        more = Counter(other.calls) - Counter(reference.calls)
        differences.append(f"calls: {len(reference.calls)} and {len(other.calls)}, more: {sorted(more)[:5]}")
    return Verdict(tuple(differences), reordered, calls)


def answers(answered: Answered) -> list[dict[str, Any]]:
    """The bodies of an answer: one, or one for each event."""
    return [json.loads(body) for body in _bodies(answered)]


def _compared(body: str, other: str) -> tuple[list[str], bool]:
    if body == other:
        return [], False
    if _data(body) != _data(other):
        return ["data:\n" + _diff(_pretty(body, "data"), _pretty(other, "data"))], False
    ours, theirs = _DECODER.decode(body), _DECODER.decode(other)
    if [*ours] != [*theirs]:
        return [f"members: {[*ours]} and {[*theirs]}"], False
    differences = []
    errors = [[_text(error) for error in one.get("errors", ())] for one in (ours, theirs)]
    if sorted(errors[0]) != sorted(errors[1]):
        differences.append("errors:\n" + _diff(sorted(errors[0]), sorted(errors[1])))
    extensions = [_text(_comparable(one.get("extensions"))) for one in (ours, theirs)]
    if extensions[0] != extensions[1]:
        differences.append("extensions:\n" + _diff(*([text] for text in extensions)))
    return differences, not differences and errors[0] != errors[1]


def _bodies(answered: Answered) -> Iterator[str]:
    text = answered.body.decode()
    if dict(answered.headers).get("content-type", "").startswith("text/event-stream"):
        yield from _EVENT.findall(text)
    else:
        yield text


def _data(body: str) -> str:
    """The bytes of `data`, the first member of a body if it has it."""
    head = '{"data":'
    if not body.startswith(head):
        return ""
    _, end = _DECODER.raw_decode(body, len(head))
    return body[len(head) : end]


def _comparable(extensions: Any) -> Any:
    told = (extensions or {}).get("gateway", {})
    if "requests" in told:
        rows = [{k: v for k, v in row.items() if k not in _OF_ITS_OWN} for row in told["requests"]]
        return {**extensions, "gateway": {**told, "requests": sorted(rows, key=_text)}}
    return extensions


def _headers(answered: Answered) -> list[tuple[str, str]]:
    """Those that say more than how long the body is; a digest of it differs only when it does."""
    return [(name, value) for name, value in answered.headers if name not in {"content-length", "etag"}]


def _calls(reference: Counter[str], other: Counter[str]) -> str:
    if reference == other:
        return "equal"
    if other.total() > reference.total():
        return "more"
    return "fewer" if other <= reference else "other"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pretty(body: str, member: str) -> list[str]:
    return json.dumps(_DECODER.decode(body).get(member), ensure_ascii=False, indent=1).splitlines()


def _diff(ours: list[str], theirs: list[str]) -> str:
    lines = [*unified_diff(ours, theirs, "reference", "other", lineterm="", n=2)]
    return "\n".join(line[:400] for line in lines[:40])
