"""A page of a list: where it lies, and its envelope."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

__all__ = ["Window", "encode", "raw"]

# SQLite's largest row offset. A page beyond it is past every end.
_LARGEST_OFFSET = 2**62

encode = msgspec.json.Encoder().encode


class Window(NamedTuple):
    """A page as it was asked for."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return min((self.page - 1) * self.limit, _LARGEST_OFFSET)

    def reply(self, rows: Sequence[Mapping[str, Any]], total: int) -> bytes:
        """The list envelope. The page is written by hand: it may be larger than an encoder's integers."""
        tail = b',"total":%d,"page":%d,"limit":%d}' % (total, self.page, self.limit)
        return b'{"data":' + encode(rows) + tail


def raw(text: str | None) -> msgspec.Raw | None:
    """JSON that was stored as text, to be sent as it is."""
    return None if text is None else msgspec.Raw(text.encode())
