"""
Whatever the graph reads, it reads here: one DataLoader per kind of read, over one store.

Every batch function is a plain `async (store, client, keys) -> results` in `batches`, which a
DataLoader wraps here and which another executor could call.
"""

from collections.abc import Awaitable, Mapping
from functools import cached_property, partial
from typing import Any

from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
    CPORecord,
    JobRecord,
    LocationRecord,
    ProvisioningRecord,
    Record,
    ReportRecord,
)
from ocpplab_graphql.loaders import batches
from ocpplab_graphql.loaders.batches import Slice
from ocpplab_graphql.loaders.dataloader import DataLoader
from ocpplab_graphql.loaders.keys import ChargerKey, LocationKey
from ocpplab_graphql.loaders.lists import GatewayList
from ocpplab_graphql.loaders.store import Store
from ocpplab_graphql.loaders.trace import Trace
from ocpplab_graphql.loaders.windows import Window

# Reads by id wait longer than lists, and so find in the store what a list of the same level brought.
_LISTS, _ROWS = 2, 4


class Loaders:
    """
    The loaders of one operation. `aclose` stops whatever still runs.

    Args:
        selected: per record, the keys that the operation selects; None decodes all of them.
        traced: whether to keep what was asked for, and by which response path.
    """

    def __init__(
        self,
        client: GatewayClient,
        selected: Mapping[type[Record], frozenset[str]] | None = None,
        *,
        traced: bool = False,
    ) -> None:
        self.client = client
        self.trace = Trace() if traced else None
        self._selected = selected
        self.store = Store(selected, self.trace)
        self._made: list[DataLoader[Any, Any]] = []

    def _loader(self, batch: Any, patience: int) -> DataLoader[Any, Any]:
        made: DataLoader[Any, Any] = DataLoader(partial(batch, self.store, self.client), patience=patience)
        self._made.append(made)
        return made

    def load(self, loader: str, key: Any, path: Any) -> Awaitable[Any]:
        """What the loader of this name says of a key, for the field at `path` of the response."""
        if self.trace is not None:
            self.trace.asks((loader, key), path)
        value: Awaitable[Any] = getattr(self, loader).load(key)
        return value

    def traced(self) -> dict[str, Any] | None:
        """The calls made, the fewest there could have been, and a row per call; None if not traced."""
        if self.trace is None:
            return None
        calls = self.client.calls
        writes = sum(1 for call in calls if not call.request.is_read)
        return {
            "calls": len(calls),
            "minimum": self.trace.minimum(self.store, writes),
            "requests": self.trace.rows(calls),
        }

    @cached_property
    def window(self) -> DataLoader[tuple[GatewayList, Window], Slice]:
        """A window of a list."""
        return self._loader(batches.windows, _LISTS)

    @cached_property
    def cpo_by_id(self) -> DataLoader[str, CPORecord | None]:
        """A CPO, None if there is none."""
        return self._loader(batches.cpos_by_id, _ROWS)

    @cached_property
    def location_by_id(self) -> DataLoader[LocationKey, LocationRecord | None]:
        """A location by (CPO id, location id), None if there is none."""
        return self._loader(batches.locations_by_id, _ROWS)

    @cached_property
    def charger_by_id(self) -> DataLoader[ChargerKey, ChargerRecord | None]:
        """The full record of a charger, None if there is none."""
        return self._loader(batches.chargers_by_id, _ROWS)

    @cached_property
    def cpo_provisioning(self) -> DataLoader[str, ProvisioningRecord | None]:
        """How a CPO's provisioning stands, None if there is no such CPO."""
        return self._loader(batches.cpo_provisioning, _LISTS)

    @cached_property
    def charger_provisioning(self) -> DataLoader[str, ProvisioningRecord | None]:
        """How a charger's provisioning stands, None if there is no such charger."""
        return self._loader(batches.charger_provisioning, _LISTS)

    @cached_property
    def cpo_report(self) -> DataLoader[str, ReportRecord | None]:
        """A CPO's report, None if there is no such CPO."""
        return self._loader(batches.cpo_report, _LISTS)

    @cached_property
    def job_by_id(self) -> DataLoader[tuple[str, str], JobRecord | None]:
        """A bulk job by (CPO id, job id), None if there is none."""
        return self._loader(batches.jobs, _LISTS)

    @cached_property
    def cpo_templates(self) -> DataLoader[tuple[()], list[Any]]:
        """All CPO templates; the key is the empty tuple."""
        return self._loader(batches.cpo_templates, _LISTS)

    @cached_property
    def location_templates(self) -> DataLoader[tuple[str | None, str | None], list[Any]]:
        """The location templates of (current type, OCPP version), None for any."""
        return self._loader(batches.location_templates, _LISTS)

    def forget(self) -> None:
        """Read everything anew from here on: something was changed."""
        self.store = Store(self._selected, self.trace)
        for name, attribute in vars(type(self)).items():
            if isinstance(attribute, cached_property):
                self.__dict__.pop(name, None)

    async def aclose(self) -> None:
        """Stop batches and calls that nobody waits for any more."""
        for made in self._made:
            await made.aclose()
        await self.store.aclose()


__all__ = ["ChargerKey", "DataLoader", "GatewayList", "Loaders", "LocationKey", "Slice", "Store", "Window"]
