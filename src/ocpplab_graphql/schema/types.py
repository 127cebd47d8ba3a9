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
from ocpplab_graphql.execution.bindings import BINDING, Embedded, Many, Part, Source, Value
from ocpplab_graphql.execution.selection import needs_record
from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    ChargerPlaceRecord,
    ChargerRecord,
    ChargerSummaryRecord,
    CoordinatesRecord,
    CPORecord,
    ErrorRecord,
    EVSERecord,
    JobRecord,
    LocationRecord,
    PartyRecord,
    ProvisioningRecord,
    Record,
    ReportRecord,
    TopologyRecord,
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
from ocpplab_graphql.schema.ids import global_id

POLL_INTERVAL_MS = 1000  # the gateway advises to poll every 1 to 2 s


def gid(type_name: str, parts: int) -> Any:
    """The global id of a node whose key has so many parts."""

    def made(*key: str) -> str:
        return global_id(type_name, *key)

    return computed(
        made,
        *(Part(i) for i in range(parts)),
        description=f"Global id, the same by every path; `node(id:)` takes it. Readable text such as "
        f"`{_EXAMPLES[type_name]}`. Costs no call.",
    )


_EXAMPLES = {
    "CPO": "CPO:101",
    "Location": "Location:101:loc-42",
    "Charger": "Charger:dep-7",
    "BulkLocationJob": "BulkLocationJob:101:4f6b5e0e-7d1a-4b0a-9c2e-abc123456789",
    "Provisioning": "Provisioning:CPO:101",
}


def status_of(text: str | None) -> ProvisioningStatus:
    """The status the gateway wrote; UNKNOWN for one that this API does not know, or none."""
    try:
        return ProvisioningStatus(text)
    except ValueError:
        return ProvisioningStatus.UNKNOWN


def is_finished(text: str | None) -> bool:
    """Whether nothing more will happen."""
    return status_of(text) in {ProvisioningStatus.READY, ProvisioningStatus.FAILED}


def retry_after_ms(text: str | None) -> int | None:
    """When to look again, in milliseconds; None when it is finished."""
    return None if is_finished(text) else POLL_INTERVAL_MS


@strawberry.interface(description="Anything with a global id. `node(id:)` and `nodes(ids:)` read it again.")
class Node:
    """
    A thing of the gateway: its key, and what of it has been read.

    Attributes:
        key: what tells it from others of its type, in the gateway's own ids.
        rows: the records at hand, by their type.
        sources: where each of its records comes from.
    """

    sources: ClassVar[Mapping[type[Record], Source]] = {}

    key: Private[tuple[str, ...]]
    rows: Private[dict[type[Record], Any]]

    id: ID = strawberry.field(description="Global id, the same by every path.")


@strawberry.type(description="The OCPI party of a CPO.")
class Party:
    """Source: gateway contract, section 3."""

    country_code: str | None = value(
        PartyRecord, "country_code", description="ISO 3166-1 alpha-2 code of the party's country, such as FR."
    )
    party_id: str | None = value(
        PartyRecord, "party_id", description="Three characters, unique within the country and organization."
    )
    role: str | None = value(PartyRecord, "role", description="OCPI role in upper case, such as CPO.")


@strawberry.type(description="How much a CPO holds, as the gateway counts it.")
class Topology:
    """Source: gateway contract, section 3."""

    location_count: int | None = value(TopologyRecord, "locations", description="Number of locations.")
    charger_count: int | None = value(
        TopologyRecord, "chargers", description="Number of chargers in all locations."
    )
    evse_count: int | None = value(TopologyRecord, "evses", description="Number of EVSEs in all chargers.")
    connector_count: int | None = value(
        TopologyRecord, "connectors", description="Number of connectors in all EVSEs."
    )


@strawberry.type(description="A point on Earth, WGS 84.")
class Coordinates:
    """Source: gateway contract, section 4."""

    latitude: float = value(CoordinatesRecord, "latitude", description="Degrees north, -90 to 90.")
    longitude: float = value(CoordinatesRecord, "longitude", description="Degrees east, -180 to 180.")


@strawberry.type(name="EVSE", description="One EVSE of a charger: what one vehicle charges from.")
class EVSE:
    """Source: gateway contract, section 4."""

    evse_uid: str = value(EVSERecord, "evse_uid", description="Identity of the EVSE in the CPO's system.")
    evse_id: str | None = value(
        EVSERecord, "ocpi_evse_id", description="Its id in OCPI, as roaming partners see it."
    )
    connector_id: str | None = value(EVSERecord, "ocpi_connector_id", description="OCPI id of its connector.")
    topology_id: str | None = value(
        EVSERecord, "topology_id", description="Its place in the charger's topology."
    )


@strawberry.type(description="Why a job, an item of it, or a provisioning failed.")
class ProvisioningError:
    """Source: gateway contract, section 4, L3."""

    code: str = value(
        ErrorRecord, "code", description="Stable code. The set is open: treat an unknown one as an error."
    )
    message: str = value(ErrorRecord, "message", description="For people; up to about 2,000 characters.")
    step: str | None = value(ErrorRecord, "step", description="The step that failed, if the gateway tells.")
    param: str | None = value(
        ErrorRecord, "param", description="The input that it failed on, if the gateway tells."
    )
    doc_url: str | None = value(
        ErrorRecord, "doc_url", description="Where the error is explained, if anywhere."
    )
    retryable: bool | None = value(
        ErrorRecord, "retryable", description="True if the same payload may work later; null if unknown."
    )


@strawberry.type(
    description="How the durable creation of a CPO or a charger stands. Reading it costs one call."
)
class Provisioning(Node):
    """Key: type name of the owner, and the owner's id. Source: gateway contract, C3 and H3."""

    id: ID = gid("Provisioning", 2)
    status: ProvisioningStatus = computed(
        status_of,
        Value(ProvisioningRecord, "status"),
        description="Where it stands; UNKNOWN if the gateway does not say.",
    )
    is_finished: bool = computed(
        is_finished,
        Value(ProvisioningRecord, "status"),
        description="Whether it is READY or FAILED: nothing more will happen.",
    )
    retry_after_ms: int | None = computed(
        retry_after_ms,
        Value(ProvisioningRecord, "status"),
        description="When to look again, in milliseconds; null when it is finished.",
    )
    current_step: str | None = computed(
        lambda progress: progress and progress.current_step,
        Value(ProvisioningRecord, "progress"),
        description="What is being done; only while PROVISIONING.",
    )
    error: ProvisioningError | None = value(
        ProvisioningRecord, "error", description="Why it failed; null unless FAILED."
    )
    workflow_run_id: str | None = value(
        ProvisioningRecord, "workflow_run_id", description="The run in the gateway's workflow engine."
    )
    provisioned_at: datetime | None = value(
        ProvisioningRecord, "provisioned_at", description="When it became READY; null before."
    )


def _charger_below(location: "Location", row: Any) -> "Charger":
    place = location.rows[LocationRecord].ocpp_location_id
    rows: dict[type[Record], Any] = {ChargerSummaryRecord: row}
    if isinstance(place, str):
        rows[ChargerPlaceRecord] = ChargerPlaceRecord(location_id=place)
    return Charger(key=(row.id,), rows=rows)


def _location_below(cpo: "CPO", row: Any) -> "Location":
    return Location(key=(cpo.key[0], row.id), rows={LocationRecord: row})


@strawberry.type(
    name="CPO", description="A charge point operator: a simulated network that owns locations. It may expire."
)
class CPO(Node):
    """Key: its id. Source: gateway contract, section 3."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        CPORecord: Source("cpo_by_id", lambda cpo: cpo.key[0]),
        ProvisioningRecord: Source("cpo_provisioning", lambda cpo: cpo.key[0]),
        ReportRecord: Source("cpo_report", lambda cpo: cpo.key[0]),
    }

    id: ID = gid("CPO", 1)
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
        lambda cpo: ("CPO", *cpo.key),
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
        _location_below,
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
        LocationRecord: Source("location_by_id", lambda location: location.key)
    }

    id: ID = gid("Location", 2)
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
        lambda location: location.key[:1],
        description="The CPO that owns it. Its `id` and `cpoId` cost no call, the rest one if not read yet.",
    )
    chargers: LocationChargerConnection | None = embedded(
        Embedded(
            Value(LocationRecord, "chargers"),
            LocationChargerEdge.of,
            lambda location: ("Location.chargers", *location.key),
        ),
        LocationChargerConnection,
        _charger_below,
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
        charger.key[0], given.get("from"), given.get("to"), given.get("action")
    ),
    lambda _charger, row: row,
)


@strawberry.type(description="One OCPP message between a charger and its central system.")
class ChargerLog:
    """Source: gateway contract, H5."""

    direction: str | None = value(
        ChargerLogRecord,
        "direction",
        description="Which way it went, such as cp_to_csms: from charge point to central system.",
    )
    action: str | None = value(
        ChargerLogRecord, "action", description="The OCPP action, such as BootNotification."
    )
    message: str | None = value(ChargerLogRecord, "message", description="The message itself, as text.")
    timestamp: datetime | None = value(ChargerLogRecord, "timestamp", description="When it was sent.")


@strawberry.type(description="A simulated charger. There is no availability status: the gateway has none.")
class Charger(Node):
    """Key: its deployment id. Source: gateway contract, sections 4 and 6."""

    sources: ClassVar[Mapping[type[Record], Source]] = {
        ChargerRecord: Source(
            "charger_by_id",
            lambda charger: ChargerKey(
                charger.key[0], getattr(charger.rows.get(ChargerPlaceRecord), "location_id", None)
            ),
        ),
        ProvisioningRecord: Source("charger_provisioning", lambda charger: charger.key[0]),
    }

    id: ID = gid("Charger", 1)
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
        lambda charger: ("Charger", *charger.key),
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
        given = {"from": from_ or None, "to": to or None, "action": action or None}
        return await connection(_LOGS, self, info, Paging.of(first, after, last, before), given)


@strawberry.type(description="An item of a bulk job that could not be created.")
class BulkLocationFailure:
    """Source: gateway contract, L3."""

    index: int | None = strawberry.field(description="Which item of the input, from 0.")
    name: str | None = strawberry.field(description="The name that was to be given, if the gateway tells.")
    error: ProvisioningError | None = strawberry.field(description="Why.")


@strawberry.type(
    description="A durable job that creates many locations. It goes on without you: follow it with `bulkLocationJob`."
)
class BulkLocationJob(Node):
    """Key: id of the CPO, own id. Source: gateway contract, L3."""

    sources: ClassVar[Mapping[type[Record], Source]] = {JobRecord: Source("job_by_id", lambda job: job.key)}

    id: ID = gid("BulkLocationJob", 2)
    job_id: ID = part(1, description="The gateway's own id, a UUID.")
    cpo: CPO | None = parent(
        lambda: CPO,
        lambda job: job.key[:1],
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
        "or by pages of the CPO's list when that is fewer calls. A location deleted since is a null node with an error."
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
        cursors = cursors_of("BulkLocationJob.locations", *self.key)
        window = paging.window(cursors, info.context.limits)
        job = await load_row(self, JobRecord, info.context.loaders)
        ids = job_results.location_ids(job.results) if job is not None else None
        if ids is None:
            return None
        keys = [(self.key[0], location_id) for location_id in ids]
        wanted = keys[slice(*window.span(len(keys)) or (0, 0))]
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
            lambda key: found.get(key) or Location(key=key, rows={}),
            plain_edge,
        )
        return Connection(page=page)


_ITEMS = (("nodes",), ("edges", "node"))


async def _locations(info: Info, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Locations by key; an exception in place of one that cannot be read or is gone."""
    load = info.context.loaders.location_by_id.load
    rows = await asyncio.gather(*(load(key) for key in keys), return_exceptions=True)
    return {key: _located(key, row) for key, row in zip(keys, rows, strict=True)}


def _located(key: tuple[str, str], row: Any) -> Any:
    if row is None:
        return NotFound(f"Location {':'.join(key)} is no longer there.")
    return row if isinstance(row, BaseException) else Location(key=key, rows={LocationRecord: row})
