"""Request ids and logging. No token, no variables, no body is ever written to a log."""

import logging
import re
import secrets

logger = logging.getLogger("ocpplab_graphql")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id() -> str:
    """A fresh request id: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def request_id_from(header: str | None) -> str:
    """
    The caller's own `X-Request-Id` when it is safe to repeat in a log, a fresh one otherwise.

    Safe is 1 to 64 of letters, digits, dot, underscore and hyphen.
    """
    if header is not None and _REQUEST_ID.fullmatch(header):
        return header
    return new_request_id()


def configure_logging(level: str) -> None:
    """Send our log lines to stderr, at `level` and above."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)
