"""
The lists of the gateway: what tells one from another, how a page of it is read and decoded.

A list is (type, parent id, filters), whichever path led to it.
"""

from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct

from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import Invalid, decode_log_page, decode_page
from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    ChargerRecord,
    CPORecord,
    LocationRecord,
    Record,
)
from ocpplab_graphql.loaders.store import Store
from ocpplab_graphql.loaders.windows import Range, offsets_covering, pages_covering

Asked = tuple[str, Hashable]
# One call for a part of a list: page and limit, or offset and limit where the list takes any offset.
Call = tuple[int, int]


class Chunk(Struct, frozen=True):
    """Rows that one call brought, from `start`; it asked for `asked` of them."""

    start: int
    asked: int
    rows: Sequence[Record | Invalid]
    total: int

    @property
    def reached(self) -> int:
        """The position after its last row; 0 if it brought none."""
        return self.start + len(self.rows) if self.rows else 0


class GatewayList(Struct, frozen=True, gc=False):
    """A list that windows can be read from. Equal lists share what is known of them."""

    record: ClassVar[type[Record]]
    limit_max: ClassVar[int] = 100

    def key(self, row_id: str) -> Hashable:
        """What a row of this list is remembered under."""
        return row_id

    def calls(self, ranges: Iterable[Range]) -> list[Call]:
        """The fewest calls that cover `ranges`."""
        return pages_covering(ranges)

    def request(self, client: GatewayClient, call: Call) -> tuple[Any, ...]:
        """The client's method, and its arguments, for one of its calls."""
        raise NotImplementedError

    def chunk(self, store: Store, call: Call, body: bytes) -> Chunk:
        """
        What a call brought.

        Raises:
            GatewayInvalidResponse: the page cannot be read.
        """
        page, limit = call
        decoded = decode_page(body, store.into(self.record), page=page, limit=limit, spoilt=store.spoilt)
        return Chunk((page - 1) * limit, limit, decoded.data, decoded.total)


class CPOs(GatewayList, frozen=True, gc=False):
    """The caller's CPOs. C1."""

    record = CPORecord

    def request(self, client: GatewayClient, call: Call) -> tuple[Any, ...]:
        """See GatewayList."""
        return client.list_cpos, *call


class Locations(GatewayList, frozen=True, gc=False):
    """The locations of one CPO. L1."""

    record = LocationRecord
    cpo_id: str

    def request(self, client: GatewayClient, call: Call) -> tuple[Any, ...]:
        """See GatewayList."""
        return client.list_locations, self.cpo_id, *call

    def key(self, row_id: str) -> Hashable:
        """A location's id is unique only within its CPO."""
        return self.cpo_id, row_id


class Chargers(GatewayList, frozen=True, gc=False):
    """The tenant's chargers, or those of one OCPP location. H1."""

    record = ChargerRecord
    ocpp_location_id: str | None = None

    def request(self, client: GatewayClient, call: Call) -> tuple[Any, ...]:
        """See GatewayList."""
        return client.list_chargers, self.ocpp_location_id, *call


class ChargerLogs(GatewayList, frozen=True, gc=False):
    """The OCPP messages of one charger, within bounds that are inclusive. H5."""

    record = ChargerLogRecord
    limit_max = 1000
    charger_id: str
    start: datetime | None = None
    end: datetime | None = None
    action: str | None = None

    def calls(self, ranges: Iterable[Range]) -> list[Call]:
        """See GatewayList; any offset will do."""
        return offsets_covering(ranges, self.limit_max)

    def request(self, client: GatewayClient, call: Call) -> tuple[Any, ...]:
        """See GatewayList."""
        return client.charger_logs, self.charger_id, *call, self.start, self.end, self.action

    def chunk(self, store: Store, call: Call, body: bytes) -> Chunk:
        """See GatewayList."""
        offset, limit = call
        decoded = decode_log_page(
            body, store.into(ChargerLogRecord), offset=offset, limit=limit, spoilt=store.spoilt
        )
        return Chunk(offset, limit, decoded.data, decoded.total)


def home_of(loader: str, key: Any) -> tuple[GatewayList, str] | None:
    """The list that a row which a loader reads by its id may stand in, and its id there."""
    if loader == "cpo_by_id":
        return CPOs(), key
    if loader == "location_by_id":
        return Locations(key[0]), key[1]
    return None


def may_bring(lists: AbstractSet[GatewayList], loader: str, keys: Iterable[Any]) -> bool:
    """Whether a row that a loader reads by its id may stand in one of these lists."""
    if loader == "charger_by_id":
        return any(isinstance(of, Chargers) for of in lists)
    homes = (home_of(loader, key) for key in keys)
    return any(home is not None and home[0] in lists for home in homes)
