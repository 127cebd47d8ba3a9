"""
Pure: what may be kept of an answer, and whether the caller has it already.

Source: RFC 9110, sections 8.8.3 and 13.1.2; RFC 9111, section 5.2.
"""

import hashlib

from ocpplab_graphql.execution.executor import Answer

NO_STORE = "no-store"
# What a caller's answer depends on beside its address; a shared cache that is told to keep answers needs it.
VARY = "Authorization, X-Organization-Id, Accept"


def cache_control(answer: Answer, method: str, max_age_s: int) -> str:
    """
    `Cache-Control` of an answer: only a query by GET, whole and without a secret, may be kept.

    An answer that holds a secret is not compressed either, by us or by anybody on the way.
    """
    if answer.secret:
        return f"{NO_STORE}, no-transform"
    if method != "GET" or answer.body.keys() != {"data"}:
        return NO_STORE
    return f"private, max-age={max_age_s}, must-revalidate"


def etag_of(content: bytes) -> str:
    """A strong validator: the same for the same bytes alone."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the caller has this very answer. Compared weakly, as `If-None-Match` is."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known
