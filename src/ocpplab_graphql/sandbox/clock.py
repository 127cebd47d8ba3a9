"""Time as the gateway writes it: ISO 8601, UTC, `Z`, whole seconds: the order of texts is that of time."""

from datetime import UTC, datetime, timedelta

__all__ = ["instant", "now", "shifted"]

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def instant(moment: datetime) -> str:
    """`2026-04-16T10:15:30Z` for an aware moment."""
    return moment.astimezone(UTC).strftime(_FORMAT)


def now() -> str:
    """The present second."""
    return instant(datetime.now(UTC))


def shifted(text: str, seconds: int) -> str:
    """The written instant, so many seconds later."""
    moment = datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    return instant(moment + timedelta(seconds=seconds))
