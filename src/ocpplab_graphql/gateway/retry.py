"""
Pure: whether a read that failed is sent again, and after how long.

Nothing here sleeps, sends, or knows a deadline other than as the seconds that are left.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from ocpplab_graphql.gateway.transport import Reply, TransportFailed

# The gateway, or what stands before it, says "not now"; a 500 or 501 says something about this very request.
RETRIED = frozenset({408, 429, 502, 503, 504})
_ASKED_MAX_S = 999_999.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often and how soon a read is sent again.

    Attributes:
        retries: further attempts after the first.
        base_s, max_s: a wait is chosen at random below `base_s`, twice that, and so on, up to `max_s`.
    """

    retries: int = 2
    base_s: float = 0.05
    max_s: float = 1.0

    def wait_s(
        self,
        failure: Reply | TransportFailed,
        *,
        retried: int,
        remaining_s: float,
        chance: Callable[[], float] = random.random,
    ) -> float | None:
        """
        Seconds to wait before the next attempt; None to give the failure at once.

        Full jitter, after what `Retry-After` asks for. A wait that would pass the deadline is none.

        Args:
            failure: a reply outside 2xx, or that there was none.
            retried: how often it has been sent again already.
            remaining_s: seconds to the deadline.
            chance: a number from 0 to 1.
        """
        if retried >= self.retries or (isinstance(failure, Reply) and failure.status not in RETRIED):
            return None
        asked_s = (retry_after_s(failure) or 0.0) if isinstance(failure, Reply) else 0.0
        wait_s = asked_s + chance() * min(self.max_s, self.base_s * 2.0**retried)
        return wait_s if wait_s < remaining_s else None


class RetryBudget:
    """
    Bounds retries to a share of the calls, so that an outage does not multiply them.

    Each call puts `ratio` of a token into a bucket that holds `reserve`, and each retry takes one out.
    Of any number of calls no more than `reserve + ratio * calls` are followed by a retry.

    Args:
        reserve: what the bucket holds, and begins with.
    """

    __slots__ = ("_ratio", "_reserve", "_tokens")

    def __init__(self, *, ratio: float, reserve: float) -> None:
        self._ratio = ratio
        self._reserve = self._tokens = reserve if ratio > 0 else 0.0

    def earn(self) -> None:
        """A call was made for the first time."""
        self._tokens = min(self._reserve, self._tokens + self._ratio)

    def spend(self) -> bool:
        """Take a retry; False if there is none to be had."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def retry_after_s(reply: Reply, now: Callable[[], float] = time.time) -> float | None:
    """
    What a reply's `Retry-After` asks for, from now; None if it asks for nothing that can be understood.

    Args:
        now: the time, in seconds since the epoch, for a header that holds a date.

    Source: RFC 9110, section 10.2.3.
    """
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said) if len(said) <= 6 else None
    try:
        at = parsedate_to_datetime(said)
        # Without a zone it is UTC, as every date of HTTP.
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0.0, seconds) if seconds <= _ASKED_MAX_S else None
