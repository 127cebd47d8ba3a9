"""
The recursive core of the graph: CPO, Location, Charger, BulkLocationJob, and what hangs on them.

A node knows its key, the records at hand, and where each of its records comes from (`sources`).
Each field is declared once, as a binding; see `execution/bindings.py` for the kinds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import strawberry
from strawberry import ID, UNSET, Private

from ocpplab_graphql.errors import NotFound
from ocpplab_graphql.execution.bindings import BINDING, Carried, Embedded, Many, Named, RowNode, Source, Value
from ocpplab_graphql.execution.selection import needs_record
from ocpplab_graphql.gateway.decode import checked
from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    ChargerPlaceRecord,
    ChargerRecord,
    ChargerSummaryRecord,
    CPORecord,
    JobRecord,
    LocationRecord,
    ProvisioningRecord,
    Record,
    ReportRecord,
)
from ocpplab_graphql.loaders import ChargerKey
from ocpplab_graphql.loaders.lists import ChargerLogs, Locations
from ocpplab_graphql.schema import job_results
from ocpplab_graphql.schema.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    PageInfo,
    PageOfRows,
    Paging,
    cursors_of,
    plain_edge,
)
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.enums import ProvisioningStatus
from ocpplab_graphql.schema.fields import (
    computed,
    connection,
    embedded,
    load_row,
    many,
    page_of,
    parent,
    part,
    single,
    value,
)
from ocpplab_graphql.schema.node import Node, gid
from ocpplab_graphql.schema.provisioning import (
    BulkLocationFailure,
    Provisioning,
    ProvisioningError,
    is_finished,
    retry_after_ms,
    status_of,
)
from ocpplab_graphql.schema.values import EVSE, ChargerLog, Coordinates, Party, Topology

_CHARGER_OF_LOCATION = RowNode(
    ChargerSummaryRecord,
    lambda: Charger,
    carried=Carried(ChargerPlaceRecord, "location_id", Value(LocationRecord, "ocpp_location_id")),
)
_LOCATION_OF_CPO = RowNode(LocationRecord, lambda: Location, above=1)


@strawberry.type(
    name="CPO", description="A charge point operator: a simulated network that owns locations. It may expire."
)
class CPO(Node):
    """Key: its id. Source: gateway contract, section 3."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        CPORecord: Source("GET /ocpi/cpos/{cpo_id}", "cpo_by_id", lambda cpo: cpo.key[0]),
        ProvisioningRecord: Source(
            "GET /ocpi/cpos/{cpo_id}/status", "cpo_provisioning", lambda cpo: cpo.key[0]
        ),
        ReportRecord: Source("GET /ocpi/cpos/{cpo_id}/report", "cpo_report", lambda cpo: cpo.key[0]),
    }

    id: ID = gid("CPO")
    cpo_id: ID = part(0, description="The gateway's own id, a positive whole number. Costs no call.")
    party: Party | None = value(CPORecord, "party", description="The OCPI party it acts as.")
    name_prefix: str | None = value(
        CPORecord, "name_prefix", description="Label put before every identity under this CPO."
    )
    template: str | None = value(CPORecord, "template", description="Slug of the template it was made from.")
    template_version: int | None = value(
        CPORecord, "template_version", description="Version of that template."
    )
    ocpi_peer_url: str | None = value(
        CPORecord, "ocpi_peer_url", description="OCPI versions URL that a roaming peer connects to."
    )
    topology: Topology | None = value(CPORecord, "topology", description="How much it holds.")
    expires_at: datetime | None = value(
        CPORecord, "expires_at", description="When it destroys itself; null if never."
    )
    created_at: datetime | None = value(CPORecord, "created_at", description="When it was created.")
    updated_at: datetime | None = value(CPORecord, "updated_at", description="When it was last changed.")
    provisioning: Provisioning | None = single(
        ProvisioningRecord,
        lambda: Provisioning,
        "CPO",
        description="How its creation stands. One call for each CPO.",
    )
    report_markdown: str | None = value(
        ReportRecord,
        "markdown",
        description="Its report in Markdown. Holds Token A in clear: a secret, never cached or logged. "
        "One call for each CPO.",
    )
    locations: Connection["Location"] | None = many(
        lambda cpo, _given: Locations(cpo.key[0]),
        _LOCATION_OF_CPO,
        proves=True,
        description="Its locations, in the gateway's order, with their chargers' summaries. "
        "One call for each CPO and 100 rows.",
    )


@strawberry.type(description="A charger of a location, with what only the location tells of it.")
class LocationChargerEdge:
    """What depends on the path lives here, not on the charger."""

    sources: ClassVar[Mapping[type[Record], Source]] = {}
    rows: Private[dict[type[Record], Any]]

    cursor: str = strawberry.field(description="Position of this charger in its location; opaque.")
    node: "Charger | None" = strawberry.field(
        description="The charger; null, with an error, if the gateway sent it unreadable."
    )
    charge_point_id: str | None = value(
        ChargerSummaryRecord,
        "charge_point_id",
        description="Id of the charge point in OCPI, if the gateway tells.",
    )
    evses: list[EVSE] | None = value(
        ChargerSummaryRecord, "evses", description="Its EVSEs; null if the gateway does not tell them here."
    )

    @classmethod
    def of(cls, row: Any, node: Any, cursor: str) -> "LocationChargerEdge":
        """The edge of an embedded charger."""
        return cls(cursor=cursor, node=node, rows={ChargerSummaryRecord: row})


@strawberry.type(
    description="A page of the chargers that a location embeds. They come with the location: paging them costs no call."
)
class LocationChargerConnection:
    """Like `Connection`, with edges of its own."""

    page: Private[PageOfRows]

    @strawberry.field(description="The chargers with their cursors and what only the location tells.")
    def edges(self) -> list[LocationChargerEdge]:
        """Made only when selected."""
        return self.page.edges()

    @strawberry.field(description="The chargers alone.")
    def nodes(self) -> list["Charger | None"]:
        """Made only when selected."""
        return self.page.nodes()

    @strawberry.field(description="Whether there is more, and where to go on.")
    def page_info(self) -> PageInfo:
        """Made only when selected."""
        return self.page.page_info()

    @strawberry.field(description="Chargers in the location.")
    def total_count(self) -> int | None:
        """The embedded list is whole."""
        return self.page.total


@strawberry.type(description="A site where vehicles charge: an address, a point, and its chargers.")
class Location(Node):
    """Key: id of the CPO, own id. Source: gateway contract, section 4."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        LocationRecord: Source(
            "GET /ocpi/cpos/{cpo_id}/locations/{location_id}", "location_by_id", lambda location: location.key
        )
    }

    id: ID = gid("Location")
    location_id: ID = part(1, description="The gateway's own id, unique within its CPO. Costs no call.")
    ocpp_location_id: ID | None = value(
        LocationRecord,
        "ocpp_location_id",
        description="Its id on the OCPP side: what `chargers(ocppLocationId:)` takes.",
    )
    organization_id: ID | None = value(
        LocationRecord, "organization_id", description="The tenant that owns it, a UUID."
    )
    slug: str | None = value(LocationRecord, "slug", description="Readable identifier made of its name.")
    name: str | None = value(LocationRecord, "name", description="What it is called.")
    address: str | None = value(LocationRecord, "address", description="Street and number.")
    city: str | None = value(LocationRecord, "city", description="City or town.")
    country: str | None = value(LocationRecord, "country", description="ISO 3166-1 alpha-2 code, such as FR.")
    coordinates: Coordinates | None = value(
        LocationRecord, "coordinates", description="Where it is; null if unknown."
    )
    timezone: str | None = value(
        LocationRecord, "timezone", description="IANA time zone, such as Europe/Paris."
    )
    owner_name: str | None = value(LocationRecord, "owner_name", description="Who owns the site.")
    is_public: bool | None = value(LocationRecord, "public", description="Whether it is open to everybody.")
    created_at: datetime | None = value(LocationRecord, "created_at", description="When it was created.")
    updated_at: datetime | None = value(LocationRecord, "updated_at", description="When it was last changed.")
    cpo: CPO | None = parent(
        lambda: CPO,
        1,
        description="The CPO that owns it. `id` and `cpoId` cost no call, the rest one if not read yet.",
    )
    chargers: LocationChargerConnection | None = embedded(
        Embedded(
            Value(LocationRecord, "chargers"),
            _CHARGER_OF_LOCATION,
            LocationChargerEdge.of,
            "Location.chargers",
        ),
        LocationChargerConnection,
        description="Its chargers. They come with the location; only details beyond identity, connector type and "
        "OCPP version cost a call, one for up to 100 chargers of a location.",
    )


From = Annotated[
    datetime | None, strawberry.argument(name="from", description="Only messages at this moment or later.")
]
To = Annotated[
    datetime | None, strawberry.argument(name="to", description="Only messages at this moment or earlier.")
]
Action = Annotated[
    str | None,
    strawberry.argument(description="Only messages of this OCPP action, such as BootNotification."),
]

_LOGS = Many(
    lambda charger, given: ChargerLogs(
        charger.key[0], given.get("from") or None, given.get("to") or None, given.get("action") or None
    ),
    RowNode(ChargerLogRecord),
)


@strawberry.type(description="A simulated charger. There is no availability status: the gateway has none.")
class Charger(Node):
    """Key: its deployment id. Source: gateway contract, sections 4 and 6."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        ChargerRecord: Source(
            "GET /ocpp/chargers/{charger_id}",
            "charger_by_id",
            lambda charger: ChargerKey(
                charger.key[0], getattr(charger.rows.get(ChargerPlaceRecord), "location_id", None)
            ),
        ),
        ProvisioningRecord: Source(
            "GET /ocpp/chargers/{charger_id}/status", "charger_provisioning", lambda charger: charger.key[0]
        ),
    }

    id: ID = gid("Charger")
    charger_id: ID = part(0, description="The gateway's deployment id, such as dep-7. Costs no call.")
    identity: str | None = value(
        ChargerSummaryRecord,
        "identity",
        otherwise=ChargerRecord,
        description="OCPP identity, such as SITE_A_001.",
    )
    connector_type: str | None = value(
        ChargerSummaryRecord,
        "connector_type",
        otherwise=ChargerRecord,
        description="Market name of its connector, such as CCS2 or Type2. Not a closed set.",
    )
    ocpp_version: str | None = value(
        ChargerSummaryRecord,
        "ocpp_version",
        otherwise=ChargerRecord,
        description="OCPP version it speaks, such as OCPP1.6 or OCPP2.0.1. Not a closed set.",
    )
    ocpp_location_id: ID | None = value(
        ChargerPlaceRecord,
        "location_id",
        otherwise=ChargerRecord,
        description="Id, on the OCPP side, of the location it stands in.",
    )
    name: str | None = value(ChargerRecord, "name", description="What it is called. From the full record.")
    vendor_name: str | None = value(
        ChargerRecord, "vendor_name", description="Who makes it. From the full record."
    )
    model: str | None = value(ChargerRecord, "model", description="The maker's model. From the full record.")
    image_url: str | None = value(
        ChargerRecord, "image_url", description="A picture of it. From the full record."
    )
    number_of_connectors: int | None = value(
        ChargerRecord, "number_of_connectors", description="How many connectors it has. From the full record."
    )
    max_charging_power_w: int | None = value(
        ChargerRecord, "max_charging_power", description="Most it delivers, in watts. From the full record."
    )
    created_at: datetime | None = value(
        ChargerRecord, "created_at", description="When it was created. From the full record."
    )
    updated_at: datetime | None = value(
        ChargerRecord, "updated_at", description="When it was last changed. From the full record."
    )
    provisioning: Provisioning | None = single(
        ProvisioningRecord,
        lambda: Provisioning,
        "Charger",
        description="How its creation stands. One call for each charger.",
    )

    @strawberry.field(
        description="Its OCPP messages, in the gateway's order. One call for each charger and 1,000 rows.",
        metadata={BINDING: _LOGS},
    )
    async def logs(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        from_: From = UNSET,
        to: To = UNSET,
        action: Action = UNSET,
    ) -> Connection[ChargerLog] | None:
        """The filters belong to the list: a cursor of one filter is none of another."""
        given = {"from": from_, "to": to, "action": action}
        return await connection(_LOGS, self, info, Paging.of(first, after, last, before), given)


_CREATED = Named(
    Value(JobRecord, "results"),
    job_results.location_ids,
    _LOCATION_OF_CPO,
    node="Location",
    loader="location_by_id",
    name="BulkLocationJob.locations",
)


@strawberry.type(
    description="A durable job that creates many locations. It goes on without you: follow it with `bulkLocationJob`."
)
class BulkLocationJob(Node):
    """Key: id of the CPO, own id. Source: gateway contract, L3."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        JobRecord: Source("GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}", "job_by_id", lambda job: job.key)
    }

    id: ID = gid("BulkLocationJob")
    job_id: ID = part(1, description="The gateway's own id, a UUID.")
    cpo: CPO | None = parent(
        lambda: CPO,
        1,
        description="The CPO that will own the locations. Its `id` and `cpoId` cost no call.",
    )
    status: ProvisioningStatus = computed(
        status_of,
        Value(JobRecord, "status"),
        description="Where the job stands. READY may include failed items.",
    )
    is_finished: bool = computed(
        is_finished,
        Value(JobRecord, "status"),
        description="Whether it is READY or FAILED: nothing more will happen.",
    )
    retry_after_ms: int | None = computed(
        retry_after_ms,
        Value(JobRecord, "status"),
        description="When to look again, in milliseconds; null when it is finished.",
    )
    workflow_run_id: str | None = value(
        JobRecord, "workflow_run_id", description="The run in the gateway's workflow engine."
    )
    error: ProvisioningError | None = value(
        JobRecord, "error", description="Why the job failed as a whole; null unless FAILED."
    )
    provisioned_at: datetime | None = value(
        JobRecord, "provisioned_at", description="When it became READY; null before."
    )
    location_ids: list[ID] | None = computed(
        job_results.location_ids,
        Value(JobRecord, "results"),
        description="The gateway's own ids of the locations created; null until the job is finished.",
    )
    failures: list[BulkLocationFailure] | None = computed(
        job_results.failures,
        Value(JobRecord, "results"),
        description="The items that could not be created; null until the job is finished.",
    )
    raw_results: str | None = computed(
        job_results.as_text,
        Value(JobRecord, "results"),
        description="What the gateway says of the results, as JSON text; its keys are not documented.",
    )

    @strawberry.field(
        description="The locations created, in the order of `locationIds`; null until the job is finished. Read singly "
        "or by pages of the CPO's list when that is fewer calls. One deleted since is a null node with an error.",
        metadata={BINDING: _CREATED},
    )
    async def locations(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Location] | None:
        """A window over the ids; only its rows are read."""
        paging = Paging.of(first, after, last, before)
        cursors = cursors_of(_CREATED.name, *self.key)
        window = paging.window(cursors, info.context.limits)
        job = await load_row(self, JobRecord, info)
        found_ids = job_results.locations(checked(job.results, "results")) if job is not None else None
        if found_ids is None:
            return None
        keys = [one if isinstance(one, Exception) else (self.key[0], one) for one in found_ids]
        wanted = [
            key for key in keys[slice(*window.span(len(keys)) or (0, 0))] if not isinstance(key, Exception)
        ]
        found = (
            await _locations(info, wanted)
            if needs_record(info._raw_info, _ITEMS, "Location", LocationRecord)
            else {}
        )
        page = page_of(
            keys,
            window,
            cursors,
            paging,
            lambda key: key if isinstance(key, Exception) else found.get(key) or Location(key=key, rows={}),
            plain_edge,
        )
        return Connection(page=page)


_ITEMS = (("nodes",), ("edges", "node"))


async def _locations(info: Info, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Locations by key; an exception in place of one that cannot be read or is gone."""
    load = info.context.loaders.load
    rows = await asyncio.gather(
        *(load(_CREATED.loader, key, info.path) for key in keys), return_exceptions=True
    )
    return {key: _located(key, row) for key, row in zip(keys, rows, strict=True)}


def _located(key: tuple[str, str], row: Any) -> Any:
    if row is None:
        return NotFound("This Location is no longer there.")
    return row if isinstance(row, BaseException) else Location(key=key, rows={LocationRecord: row})
