"""
Whatever the graph reads, it reads here: one DataLoader per kind of read, over one store.

Every batch function is a plain `async (store, client, keys) -> results` in `batches`, which a
DataLoader wraps here and which another executor could call.
"""

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
    CPORecord,
    JobRecord,
    LocationRecord,
    ProvisioningRecord,
    ReportRecord,
)
from ocpplab_graphql.loaders import batches
from ocpplab_graphql.loaders.batches import Slice
from ocpplab_graphql.loaders.dataloader import DataLoader
from ocpplab_graphql.loaders.keys import ChargerKey, LocationKey
from ocpplab_graphql.loaders.lists import GatewayList, may_bring
from ocpplab_graphql.loaders.store import Store, together
from ocpplab_graphql.loaders.trace import Trace
from ocpplab_graphql.loaders.windows import Window

# Reads by id wait longer than lists, and so find in the store what a list of the same level brought.
_LISTS, _ROWS = 2, 4


# What each loader reads with.
BATCHES: Mapping[str, Any] = {
    "window": batches.windows,
    "cpo_by_id": batches.cpos_by_id,
    "location_by_id": batches.locations_by_id,
    "charger_by_id": batches.chargers_by_id,
    "cpo_provisioning": batches.cpo_provisioning,
    "charger_provisioning": batches.charger_provisioning,
    "cpo_report": batches.cpo_report,
    "job_by_id": batches.jobs,
    "cpo_templates": batches.cpo_templates,
    "location_templates": batches.location_templates,
}


class Loaders:
    """
    The loaders of one operation. `aclose` stops whatever still runs.

    Args:
        narrowing: the types to decode records into; None decodes all of them whole.
        traced: whether to keep what was asked for, and by which response path.
    """

    def __init__(
        self,
        client: GatewayClient,
        narrowing: Narrowing | None = None,
        *,
        traced: bool = False,
    ) -> None:
        self.client = client
        self.trace = Trace() if traced else None
        self._narrowing = narrowing
        self.store = Store(narrowing, self.trace)
        # What `read` brought: whoever asks again, by `load` too, gets the same, be it a failure.
        self._known: dict[str, dict[Any, Any]] = {}
        self._made: list[DataLoader[Any, Any]] = []

    def _loader(self, name: str, patience: int) -> DataLoader[Any, Any]:
        batch = partial(BATCHES[name], self.store, self.client)
        made: DataLoader[Any, Any] = DataLoader(batch, patience=patience)
        self._made.append(made)
        return made

    def load(self, loader: str, key: Any, path: Any) -> Awaitable[Any]:
        """What the loader of this name says of a key, for the field at `path` of the response."""
        if self.trace is not None:
            self.trace.asks((loader, key), path.as_list())
        if self._known and key in self._known.get(loader, ()):
            return _outcome(self._known[loader][key])
        value: Awaitable[Any] = getattr(self, loader).load(key)
        return value

    async def read(self, asked: Mapping[str, Sequence[Any]]) -> dict[str, dict[Any, Any]]:
        """
        What the loaders of these names say of distinct keys, each asked at once with all of its keys.

        A result is a value, None for what does not exist, or an exception that fails its key alone. Rows by
        their id are read after the windows of the lists that they may stand in: those may bring them.
        """
        if len(asked) == 1:
            ((name, keys),) = asked.items()
            return {name: self._found(name, keys, await self._read(name, keys))}
        results: dict[str, dict[Any, Any]] = {}
        for names in _in_turn(asked):
            read = await together([self._read(name, asked[name]) for name in names])
            for name, values in zip(names, read, strict=True):
                results[name] = self._found(name, asked[name], values)
        return results

    def _read(self, name: str, keys: Sequence[Any]) -> Coroutine[Any, Any, Sequence[Any]]:
        reading: Coroutine[Any, Any, Sequence[Any]] = BATCHES[name](self.store, self.client, keys)
        return reading

    def _found(self, name: str, keys: Sequence[Any], values: Sequence[Any]) -> dict[Any, Any]:
        """What was read, by its key; whoever asks again gets the same."""
        found = dict(zip(keys, values, strict=True))
        self._known.setdefault(name, {}).update(found)
        return found

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
        return self._loader("window", _LISTS)

    @cached_property
    def cpo_by_id(self) -> DataLoader[str, CPORecord | None]:
        """A CPO, None if there is none."""
        return self._loader("cpo_by_id", _ROWS)

    @cached_property
    def location_by_id(self) -> DataLoader[LocationKey, LocationRecord | None]:
        """A location by (CPO id, location id), None if there is none."""
        return self._loader("location_by_id", _ROWS)

    @cached_property
    def charger_by_id(self) -> DataLoader[ChargerKey, ChargerRecord | None]:
        """The full record of a charger, None if there is none."""
        return self._loader("charger_by_id", _ROWS)

    @cached_property
    def cpo_provisioning(self) -> DataLoader[str, ProvisioningRecord | None]:
        """How a CPO's provisioning stands, None if there is no such CPO."""
        return self._loader("cpo_provisioning", _LISTS)

    @cached_property
    def charger_provisioning(self) -> DataLoader[str, ProvisioningRecord | None]:
        """How a charger's provisioning stands, None if there is no such charger."""
        return self._loader("charger_provisioning", _LISTS)

    @cached_property
    def cpo_report(self) -> DataLoader[str, ReportRecord | None]:
        """A CPO's report, None if there is no such CPO."""
        return self._loader("cpo_report", _LISTS)

    @cached_property
    def job_by_id(self) -> DataLoader[tuple[str, str], JobRecord | None]:
        """A bulk job by (CPO id, job id), None if there is none."""
        return self._loader("job_by_id", _LISTS)

    @cached_property
    def cpo_templates(self) -> DataLoader[tuple[()], list[Any]]:
        """All CPO templates; the key is the empty tuple."""
        return self._loader("cpo_templates", _LISTS)

    @cached_property
    def location_templates(self) -> DataLoader[tuple[str | None, str | None], list[Any]]:
        """The location templates of (current type, OCPP version), None for any."""
        return self._loader("location_templates", _LISTS)

    def forget(self) -> None:
        """Read everything anew from here on: something was changed."""
        self.store = Store(self._narrowing, self.trace)
        self._known.clear()
        for name, attribute in vars(type(self)).items():
            if isinstance(attribute, cached_property):
                self.__dict__.pop(name, None)

    async def aclose(self) -> None:
        """Stop batches and calls that nobody waits for any more."""
        for made in self._made:
            await made.aclose()


def _in_turn(asked: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """The loaders that are asked at once, and those for whom these may bring something."""
    names = list(asked)
    lists = {of for of, _ in asked.get("window", ())}
    later = [name for name in names if may_bring(lists, name, asked[name])]
    return [[name for name in names if name not in later], later] if later else [names]


async def _outcome(known: Any) -> Any:
    if isinstance(known, Exception):
        raise known
    return known


__all__ = ["ChargerKey", "DataLoader", "GatewayList", "Loaders", "LocationKey", "Slice", "Store", "Window"]
