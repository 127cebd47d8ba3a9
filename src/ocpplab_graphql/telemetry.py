"""
Request ids, logging, and what the access log says of an operation.

No token, no variables, no document, no body is ever written to a log.
"""

import hashlib
import logging
import os
import re
import secrets
import select
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import msgspec

logger = logging.getLogger("ocpplab_graphql")
access_logger = logging.getLogger("ocpplab_graphql.access")

AccessLog = Literal["json", "text", "off"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._/+@()-]")
_CLIENT_TEXT_MAX = 64
_NAME_MAX = 128
_RANDOM_AT_ONCE = 256
_LINE_BYTES_MAX = 4096  # PIPE_BUF: a pipe that is writable at all takes this much without blocking


class _OfProcess:
    """What is asked of the kernel once for many requests, and again in a process that is forked."""

    def __init__(self) -> None:
        self.ask()
        if hasattr(os, "register_at_fork"):  # Windows has none
            os.register_at_fork(after_in_child=self.ask)

    def ask(self) -> None:
        self.pid = os.getpid()
        self._random: list[str] = []

    def random(self) -> str:
        """16 hexadecimal digits."""
        try:
            return self._random.pop()
        except IndexError:
            digits = secrets.token_hex(8 * _RANDOM_AT_ONCE)
            self._random += [digits[start : start + 16] for start in range(16, len(digits), 16)]
            return digits[:16]


_of_process = _OfProcess()


def new_request_id() -> str:
    """A fresh request id: 16 hexadecimal digits."""
    return _of_process.random()


def request_id_from(header: str | None) -> str:
    """
    The caller's own `X-Request-Id` when it is safe to repeat in a log, a fresh one otherwise.

    Safe is 1 to 64 of letters, digits, dot, underscore and hyphen.
    """
    if header is not None and _REQUEST_ID.fullmatch(header):
        return header
    return new_request_id()


def client_text(header: str | None) -> str | None:
    """What a client says of itself, cut to 64 characters, with everything unusual replaced by `?`."""
    return _UNSAFE.sub("?", header[:_CLIENT_TEXT_MAX]) if header else None


@dataclass(slots=True)
class Observation:
    """
    What the access log will say of one operation; filled in by whoever learns it.

    Attributes:
        operation: its name, as the document has it.
        operation_type: query, mutation or subscription.
        document: the first 16 hexadecimal digits of the SHA-256 of the document's text.
        gateway_calls: REST calls that were made.
        gateway_retries: how many of them were repeated attempts.
        errors: how many errors of each code were answered.
        logged: False for what turns out to be no operation.
        status: the HTTP status, 499 when the caller hung up before it; None on a WebSocket.
        bytes_out: bytes of the answer's body.
        client_name, client_version: what the client says of itself.
    """

    request_id: str
    transport: str = "http"
    client_name: str | None = None
    client_version: str | None = None
    operation: str | None = None
    operation_type: str | None = None
    document: str | None = None
    gateway_calls: int = 0
    gateway_retries: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    suppressed_errors: int = 0
    logged: bool = True
    status: int | None = None
    bytes_out: int = 0
    started: float = field(default_factory=time.perf_counter)

    def asked(self, digest: str) -> None:
        """The document is known; only its digest is kept, see `digest_of`."""
        self.document = digest

    def runs(self, operation_type: str, name: str | None) -> None:
        """The document is valid, and holds this operation."""
        self.operation_type, self.operation = operation_type, name

    def answered(self, body: Mapping[str, Any]) -> None:
        """An answer goes out: count its errors by code."""
        for error in body.get("errors", ()):
            code = str(error["extensions"]["code"])
            self.errors[code] = self.errors.get(code, 0) + 1
        if "extensions" in body:
            told = body["extensions"].get("gateway", {})
            self.suppressed_errors += told.get("suppressedErrors", 0)

    def fields(self) -> dict[str, Any]:
        """What is written, in the order written; what is not known is left out."""
        known = {
            "request_id": self.request_id,
            "transport": self.transport,
            "operation": self.operation[:_NAME_MAX] if self.operation else None,
            "type": self.operation_type,
            "document": self.document,
            "status": self.status,
            "duration_ms": round((time.perf_counter() - self.started) * 1000, 1),
            "gateway_calls": self.gateway_calls,
            "gateway_retries": self.gateway_retries or None,
            "errors": {**self.errors} or None,
            "suppressed_errors": self.suppressed_errors or None,
            "bytes_out": self.bytes_out,
            "client_name": self.client_name,
            "client_version": self.client_version,
            "pid": _of_process.pid,
        }
        return {name: value for name, value in known.items() if value is not None}


def digest_of(document: str) -> str:
    """What stands for a document in the log."""
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_current: ContextVar[Observation | None] = ContextVar("observation", default=None)


def begin(observation: Observation) -> Token[Observation | None]:
    """From now on, and in the tasks that are started, this is `observation()`. `end` takes what is returned."""
    return _current.set(observation)


def end(observation: Observation, before: Token[Observation | None]) -> None:
    """What was observed is over: log it."""
    _current.reset(before)
    if not observation.logged or not access_logger.isEnabledFor(logging.INFO):
        return
    handler = _only_handler()
    if handler is not None:
        handler.write(time.time(), observation.fields())
        return
    # As `access_logger.info` does it, but for looking up which line of ours this is.
    record = logging.LogRecord(access_logger.name, logging.INFO, __file__, 0, "operation", (), None, "end")
    record.observed = observation.fields()
    access_logger.handle(record)


@contextmanager
def observed(observation: Observation) -> Iterator[Observation]:
    """Within the block, this is `observation()`; at its end it is logged."""
    before = begin(observation)
    try:
        yield observation
    finally:
        end(observation, before)


def observation() -> Observation:
    """The operation that runs here; outside of any, one that nobody logs."""
    return _current.get() or Observation("")


def configure_logging(level: str, access_log: AccessLog = "off") -> None:
    """
    Send our log lines to stderr, at `level` and above, and a line for each operation to stdout.

    Args:
        access_log: the form of the latter; off writes none.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)
    access_logger.propagate = False
    access_logger.disabled = access_log == "off"
    access_logger.setLevel(logging.INFO)
    access_logger.handlers[:] = (
        [] if access_log == "off" else [_AccessHandler(sys.stdout.fileno(), access_log)]
    )


class _AccessHandler(logging.Handler):
    """
    Writes a line in one piece, and never waits for whoever reads them.

    A service must not stand still because its log is not read: a line that does not fit is dropped,
    and the next one that fits says how many were.
    """

    def __init__(self, descriptor: int, form: AccessLog) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._line = _json_line if form == "json" else _text_line
        self._dropped = 0
        self._poll = _poll(descriptor)

    def emit(self, record: logging.LogRecord) -> None:
        """Write what was observed."""
        self._write(record.created, record.__dict__["observed"])

    def write(self, created: float, observed: Mapping[str, Any]) -> None:
        """The same without a record."""
        self.acquire()
        try:
            self._write(created, observed)
        finally:
            self.release()

    def _write(self, created: float, observed: Mapping[str, Any]) -> None:
        fields: dict[str, Any] = {"time": _time(created), **observed}
        if self._dropped:
            fields["dropped_lines"] = self._dropped
        line = self._line(fields)[: _LINE_BYTES_MAX - 1] + b"\n"
        try:
            if self._is_writable():
                os.write(self._descriptor, line)
                self._dropped = 0
            else:
                self._dropped += 1
        except OSError:  # nobody reads it any more
            self._dropped += 1

    def _is_writable(self) -> bool:
        if self._poll is None:
            return True
        ready = self._poll.poll(0)
        return bool(ready) and bool(ready[0][1] & select.POLLOUT)


def _poll(descriptor: int) -> "select.poll | None":
    """Tells whether a descriptor is writable; None for a file, which always is, and on Windows, which has none."""
    if not hasattr(select, "poll") or stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll


def _only_handler() -> _AccessHandler | None:
    """Ours, when nobody else gets a record nor is asked about one: then it needs none, which costs half of a line."""
    if len(access_logger.handlers) != 1 or access_logger.propagate or access_logger.filters:
        return None
    handler = access_logger.handlers[0]
    if type(handler) is not _AccessHandler or handler.filters or handler.level > logging.INFO:
        return None
    return handler


def _time(created: float) -> str:
    seconds, fraction = divmod(created, 1)
    return f"{_second(int(seconds))}.{int(fraction * 1000):03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _json_line(fields: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(fields)


def _text_line(fields: Mapping[str, Any]) -> bytes:
    return " ".join(_pairs(fields)).encode()


def _pairs(fields: Mapping[str, Any]) -> Iterable[str]:
    for name, value in fields.items():
        text = ",".join(f"{code}:{n}" for code, n in value.items()) if isinstance(value, dict) else str(value)
        yield f"{name}={text}" if " " not in text else f'{name}="{text}"'
