"""
What the gateway says, in its own words: one struct per object of its replies.

Only what the contract requires is required here; everything else may be null or absent.
Unknown fields are ignored. Source: gateway contract, sections 3 to 6.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from msgspec import Meta, Struct

# GraphQL's Int: a number outside it is a wrong type, not a crash of the encoder.
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Total = Annotated[int, Meta(ge=0, le=2**31 - 1)]
# Ids go into paths and into global ids: one that looks like a path, or like none, is unreadable.
# `quick.are_ids` says the same of many at once.
ID_LENGTH_MAX = 200
Id = Annotated[
    str, Meta(min_length=1, max_length=ID_LENGTH_MAX, pattern=r"^(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f-\x9f]+\Z")
]
CPOId = Annotated[str, Meta(max_length=200, pattern=r"^[1-9][0-9]*\Z")]
NonEmpty = Annotated[str, Meta(min_length=1)]

# The statuses of durable work after which nothing more happens.
FINISHED = frozenset({"READY", "FAILED"})

R = TypeVar("R")


# gc: what is decoded from JSON holds no cycles, so the collector need not look at it.
class Record(Struct, frozen=True, kw_only=True, gc=False):
    """
    Anything the gateway said.

    `KEY` names the field without which the record cannot be told from another: a record that lacks
    it is unreadable as a whole, while any other field fails alone.
    """

    KEY: ClassVar[str | None] = None


class Page(Record, Generic[R], frozen=True):
    """One page of a list, in the gateway's order."""

    data: list[R]
    total: Total
    page: int
    limit: int


class LogPage(Record, Generic[R], frozen=True):
    """One page of a charger's log: by offset, not by page."""

    data: list[R]
    total: Total
    limit: int
    offset: int


class Listing(Record, Generic[R], frozen=True):
    """A whole list that is not paginated."""

    data: list[R]


class PartyRecord(Record, frozen=True):
    """OCPI party of a CPO."""

    country_code: str | None = None
    party_id: str | None = None
    role: str | None = None


class TopologyRecord(Record, frozen=True):
    """How much a CPO holds."""

    locations: Int32 | None = None
    chargers: Int32 | None = None
    evses: Int32 | None = None
    connectors: Int32 | None = None


class CPORecord(Record, frozen=True):
    """A CPO: item of C1, body of C4."""

    KEY = "cpo_id"
    cpo_id: CPOId
    party: PartyRecord | None = None
    name_prefix: str | None = None
    template: str | None = None
    template_version: Int32 | None = None
    ocpi_peer_url: str | None = None
    topology: TopologyRecord | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class RoamHelperRecord(Record, frozen=True):
    """What a roaming peer needs to connect: secrets. Only in the reply to C2."""

    credentials_payload: str | dict[str, Any] | None = None
    curl_snippet: str | None = None


class CPOAcceptedRecord(Record, frozen=True):
    """The 202 of C2, with secrets that no read repeats."""

    KEY = "cpo_id"
    cpo_id: CPOId
    token_a: str | None = None
    roam_helper: RoamHelperRecord | None = None
    status: str | None = None
    workflow_run_id: str | None = None


class ErrorRecord(Record, frozen=True):
    """The `error` object of jobs and provisioning."""

    code: str
    message: str
    step: str | None = None
    param: str | None = None
    doc_url: str | None = None
    retryable: bool | None = None


class ProgressRecord(Record, frozen=True):
    """Where provisioning stands; only while it runs."""

    current_step: str | None = None


class ProvisioningRecord(Record, frozen=True):
    """Provisioning of a CPO (C3) or of a charger (H3)."""

    status: str | None = None
    workflow_run_id: str | None = None
    error: ErrorRecord | None = None
    progress: ProgressRecord | None = None
    provisioned_at: datetime | None = None


class ReportRecord(Record, frozen=True):
    """The report of a CPO, with its Token A in clear: a secret. C6."""

    markdown: str | None = None


class CoordinatesRecord(Record, frozen=True):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


class EVSERecord(Record, frozen=True):
    """One EVSE of a charger, as embedded in its location."""

    KEY = "evse_uid"
    evse_uid: NonEmpty
    ocpi_evse_id: str | None = None
    ocpi_connector_id: str | None = None
    topology_id: str | None = None


class ChargerSummaryRecord(Record, frozen=True):
    """A charger as its location embeds it. Section 4."""

    KEY = "id"
    id: Id
    identity: str
    connector_type: str | None = None
    ocpp_version: str | None = None
    charge_point_id: str | None = None
    evses: list[EVSERecord] | None = None


class LocationRecord(Record, frozen=True):
    """A location: item of L1, body of L4 and L6. Only its id is certain."""

    KEY = "id"
    id: Id
    ocpp_location_id: Id | None = None
    organization_id: str | None = None
    slug: str | None = None
    name: str | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = None
    coordinates: CoordinatesRecord | None = None
    timezone: str | None = None
    owner_name: str | None = None
    public: bool | None = None
    chargers: list[ChargerSummaryRecord] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ChargerRecord(Record, frozen=True):
    """The full record of a charger: item of H1 and P3, body of H2."""

    KEY = "id"
    id: Id
    identity: str
    name: str | None = None
    vendor_name: str | None = None
    model: str | None = None
    image_url: str | None = None
    ocpp_version: str | None = None
    number_of_connectors: Int32 | None = None
    max_charging_power: Int32 | None = None
    connector_type: str | None = None
    location_id: Id | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ChargerPlaceRecord(Record, frozen=True):
    """Where a charger stands, as the location that embeds it tells."""

    location_id: str | None = None


class ChargerLogRecord(Record, frozen=True):
    """One OCPP message. H5."""

    direction: str | None = None
    action: str | None = None
    message: str | None = None
    timestamp: datetime | None = None


class JobRecord(Record, frozen=True):
    """A bulk job. L3. `results` is free-form and kept as it came."""

    KEY = "job_id"
    job_id: Id
    status: str | None = None
    workflow_run_id: str | None = None
    error: ErrorRecord | None = None
    results: dict[str, Any] | None = None
    provisioned_at: datetime | None = None


class JobAcceptedRecord(Record, frozen=True):
    """The 202 of L2."""

    KEY = "job_id"
    job_id: Id
    status: str | None = None
    workflow_run_id: str | None = None


class CPOTemplateRecord(Record, frozen=True):
    """A CPO template. T1."""

    KEY = "slug"
    slug: NonEmpty
    version: Int32 | None = None
    description: str | None = None
    locations: Int32 | None = None
    chargers: Int32 | None = None


class ChargerGroupRecord(Record, frozen=True):
    """A group of equal chargers in a location template. T2."""

    brand_slug: str | None = None
    model_slug: str | None = None
    connector_type: str | None = None
    ocpp_version: str | None = None
    count: Int32 | None = None
    nominal_kw: float | None = None


class LocationTemplateRecord(Record, frozen=True):
    """A location template. T2."""

    KEY = "slug"
    slug: NonEmpty
    country: str | None = None
    parking_type: str | None = None
    type: str | None = None
    charger_groups: list[ChargerGroupRecord] | None = None
