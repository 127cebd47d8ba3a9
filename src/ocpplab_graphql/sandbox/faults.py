"""
Failure on demand, for people who test their applications: slowness, error statuses, broken bodies.

Off by default, kept in memory, and set as a whole: by `--fault` at the start, or by an admin while it runs
(`/faults`). Several processes on one database have each their own.
"""

import asyncio
import random
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Fault", "Faults", "FaultyAnswers", "fault_of", "unknown_route"]

_METHODS = ("GET", "POST", "PATCH", "DELETE")
# What tells about the sandbox itself never fails, or nobody could switch the faults off.
_SPARED = frozenset({"/health", "/faults", "/docs", "/openapi.json"})


def _a_route(text: str) -> str:
    method, _, path = text.rpartition(" ")
    if text != "*" and (not path.startswith("/") or method not in ("", *_METHODS)):
        raise ValueError("expected *, a path of the contract such as /ocpi/cpos/{cpo_id}, or METHOD and path")
    return text


class Fault(BaseModel):
    """One thing that goes wrong."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    route: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_a_route)] = Field(
        "*",
        description="a path of this document, with or without its method; `*` is every route",
        examples=["GET /ocpi/cpos/{cpo_id}/locations"],
    )
    probability: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)
    latency_ms: int = Field(0, ge=0, le=60_000, description="wait before the request is carried out")
    status: int | None = Field(None, ge=400, le=599, description="answer this instead", examples=[503])
    retry_after_s: int | None = Field(None, ge=0, le=86_400, description="Retry-After of that answer")
    body: Literal["cut", "malformed"] | None = Field(
        None, description="cut: the answer ends in the middle; malformed: the answer is no JSON"
    )
    carried_out: bool = Field(
        False, description="with a status: the request does its work first, only its answer is lost"
    )
    times: int | None = Field(None, ge=1, le=1_000_000, description="so often, then never again")


def fault_of(text: str) -> Fault:
    """
    A fault as the command line says it: `GET /ocpi/cpos status=503 retry_after_s=2 probability=0.3`.

    Raises:
        ValueError: with one line that says what was expected.

    """
    words = text.split()
    values: dict[str, Any] = {}
    route = " ".join(word for word in words if "=" not in word)
    for name, _, value in (word.partition("=") for word in words if "=" in word):
        if name not in Fault.model_fields:
            raise ValueError(f"--fault {text!r}: {name!r} is none of {', '.join(Fault.model_fields)}")
        values[name] = _read(value)
    try:
        return Fault.model_validate({**({"route": route} if route else {}), **values})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"--fault {text!r}: {where}: {first['msg']}") from None


def _read(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


class Faults:
    """The faults that are set at this moment."""

    def __init__(self, chosen: Sequence[Fault] = ()) -> None:
        """Begin with these."""
        self.chosen: tuple[Fault, ...] = ()
        self._left: list[int | None] = []
        self._chance = random.Random()  # noqa: S311 - nothing secret depends on it
        self.set(chosen)

    def set(self, chosen: Sequence[Fault]) -> None:
        """These and no others, counted from the start."""
        self.chosen = tuple(chosen)
        self._left = [fault.times for fault in chosen]

    def due(self, method: str, path: str) -> list[Fault]:
        """What goes wrong with this request."""
        found = []
        for position, fault in enumerate(self.chosen):
            left = self._left[position]
            if left == 0 or not _matches(fault.route, method, path):
                continue
            if self._chance.random() < fault.probability:
                self._left[position] = None if left is None else left - 1
                found.append(fault)
        return found


def _matches(route: str, method: str, path: str) -> bool:
    if route == "*":
        return True
    wanted, _, template = route.rpartition(" ")
    if wanted not in ("", method):
        return False
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


class FaultyAnswers:
    """The application, made worse by the faults that are due. Without faults it costs one comparison."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        """Wrap an application."""
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, late, otherwise or broken."""
        if scope["type"] != "http" or not self._faults.chosen:
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        due = [] if path in _SPARED else self._faults.due(scope["method"], path)
        if delay := sum(fault.latency_ms for fault in due):
            await asyncio.sleep(delay / 1000)
        refusal = next((fault for fault in due if fault.status), None)
        broken = next((fault.body for fault in due if fault.body), None)
        if refusal is None and broken is None:
            await self._app(scope, receive, send)
            return
        answer = _Answer()
        if refusal is None or refusal.carried_out:
            await self._app(scope, receive, answer.take)
        if refusal is not None:
            answer.refuse(refusal)
        await answer.give(send, broken)


class _Answer:
    """An answer that is held back."""

    def __init__(self) -> None:
        self.start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    def refuse(self, fault: Fault) -> None:
        self.body = msgspec.json.encode({"detail": "a fault that was asked for"})
        headers = [(b"content-type", b"application/json")]
        if fault.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % fault.retry_after_s))
        self.start = {"type": "http.response.start", "status": fault.status, "headers": headers}

    async def give(self, send: Send, broken: str | None) -> None:
        if broken == "malformed":
            self.body = self.body[: len(self.body) // 2] + b"\xff<!"
        told = b"%d" % len(self.body)
        kept = [(name, value) for name, value in self.start["headers"] if name.lower() != b"content-length"]
        bodiless = self.start["status"] in (204, 304)
        await send({**self.start, "headers": kept if bodiless else [*kept, (b"content-length", told)]})
        if broken != "cut" or bodiless:
            await send({"type": "http.response.body", "body": b"" if bodiless else self.body})
            return
        await send(
            {"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True}
        )
        try:
            await send({"type": "http.response.body", "body": b""})
        except RuntimeError:
            # A server refuses to end an answer that is shorter than announced: it hangs up, as was wanted.
            return


def unknown_route(route: str, known: Sequence[str]) -> bool:
    """Whether no route of the document has this path."""
    return route != "*" and route.rpartition(" ")[2] not in known
