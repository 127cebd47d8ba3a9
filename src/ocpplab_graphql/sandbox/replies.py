"""
What the sandbox answers, as the OpenAPI document tells it.

These models describe and are never in the way: a reply is encoded from its rows (see `store`), and the tests
hold each one against its model, extra keys forbidden.
"""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BulkAccepted",
    "Charger",
    "ChargerStatus",
    "Cpo",
    "CpoAccepted",
    "CpoReport",
    "CpoStatus",
    "CpoTemplates",
    "Health",
    "HttpError",
    "Job",
    "Location",
    "LocationTemplates",
    "Logs",
    "Page",
    "ValidationFailure",
]

Row = TypeVar("Row")

Status = Literal["PENDING", "PROVISIONING", "READY", "FAILED"]
_INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _instant(note: str = "ISO 8601, UTC") -> Any:
    return Field(
        None,
        description=note,
        examples=["2026-04-16T10:15:30Z"],
        pattern=_INSTANT,
    )


class HttpError(_Reply):
    """Every error but 422."""

    detail: str


class FieldError(_Reply):
    """One thing that is wrong in a request."""

    loc: list[str | int] = Field(
        description="where: body, query, path or header first",
        examples=[["body", "locations", 3, "coordinates", "latitude"]],
    )
    msg: str
    type: str = Field(examples=["less_than_equal"])
    input: str | int | float | bool | None = Field(None, description="what came, when it is short")
    ctx: dict[str, Any] | None = None


class ValidationFailure(_Reply):
    """The body of 422."""

    detail: list[FieldError]


class Health(_Reply):
    """The process lives."""

    status: Literal["ok"]


class Page(_Reply, Generic[Row]):
    """One page of a list, in a stable order. Past the end `data` is empty and `total` still true."""

    data: list[Row]
    total: int = Field(ge=0)
    page: int = Field(ge=1)
    limit: int = Field(ge=1, le=100)


class ProvisioningError(_Reply):
    """Why a job, an item or a CPO failed."""

    code: str = Field(description="stable; an open set", examples=["simulated_failure"])
    message: str = Field(max_length=2000)
    step: str | None = None
    param: str | None = None
    doc_url: str | None = None
    retryable: bool | None = Field(None, description="true: the same payload may work later")


class Party(_Reply):
    """An OCPI party."""

    country_code: str = Field(examples=["FR"])
    party_id: str = Field(examples=["ABC"])
    role: str = Field(examples=["CPO"])


class Topology(_Reply):
    """Counts of what a CPO owns."""

    locations: int
    chargers: int
    evses: int
    connectors: int


class RoamHelper(_Reply):
    """How a peer registers; a secret, only in the reply that creates a CPO."""

    credentials_payload: dict[str, Any] | None = None
    curl_snippet: str | None = None


class Cpo(_Reply):
    """A charge point operator network."""

    cpo_id: str = Field(pattern=r"^\d+$", examples=["101"])
    party: Party
    name_prefix: str = Field(examples=["demo"])
    template: str = Field(examples=["small-urban-ac"])
    template_version: int
    token_a: str | None = Field(None, description="null on reads")
    ocpi_peer_url: str = Field(examples=["https://api.ocpplab.test/ocpi/2.2.1/versions"])
    roam_helper: RoamHelper | None = Field(None, description="null on reads")
    topology: Topology
    expires_at: str | None = _instant("the moment of self-destruction; null = never")
    report_url: str
    destroy_url: str
    created_at: str | None = _instant()
    updated_at: str | None = _instant()


class CpoAccepted(_Reply):
    """A CPO was accepted: poll its status. Only this reply tells Token A and the roam helper."""

    cpo_id: str = Field(pattern=r"^\d+$", examples=["104"])
    party: Party
    name_prefix: str = Field(examples=["demo"])
    template: str = Field(examples=["small-urban-ac"])
    template_version: int
    token_a: str | None = Field(
        description="a secret, shown once; null when an answer is repeated after the CPO is gone",
        examples=["tok_a_6e0f52f0c2a94d3f8d1b7a35c49e8f01"],
    )
    ocpi_peer_url: str = Field(examples=["https://api.ocpplab.test/ocpi/2.2.1/versions"])
    roam_helper: RoamHelper | None = Field(None, description="a secret, as Token A")
    workflow_run_id: str | None = Field(None, examples=["wfr_abc123"])
    status: Literal["PENDING"]
    status_url: str = Field(examples=["/ocpi/cpos/104/status"])
    destroy_url: str = Field(examples=["/ocpi/cpos/104"])
    expires_at: str | None = _instant("the moment of self-destruction; null = never")


class Progress(_Reply):
    """Where provisioning stands."""

    current_step: str


class CpoStatus(_Reply):
    """How far a CPO is."""

    cpo_id: str
    status: Status
    status_url: str
    workflow_run_id: str | None = None
    error: ProvisioningError | None = None
    progress: Progress | None = Field(None, description="only while PROVISIONING")
    provisioned_at: str | None = _instant()
    created_at: str | None = _instant()
    updated_at: str | None = _instant()


class CpoReport(_Reply):
    """The report holds Token A in clear: a secret."""

    cpo_id: str
    markdown: str


class Coordinates(_Reply):
    """A point in WGS 84, in degrees."""

    latitude: float
    longitude: float


class Evse(_Reply):
    """An EVSE of a charger, as its location tells it."""

    evse_uid: str
    ocpi_evse_id: str | None = None
    ocpi_connector_id: str | None = None
    topology_id: str | None = None


class ChargerSummary(_Reply):
    """A charger inside its location. The last four are there for some locations only."""

    id: str = Field(examples=["dep-001"])
    identity: str = Field(examples=["SITE_A_001"])
    connector_type: str | None = Field(None, examples=["CCS2"])
    ocpp_version: str | None = Field(None, examples=["OCPP1.6"])
    charge_point_id: str | None = None
    evses: list[Evse] | None = None
    topology_default_id: str | None = Field(None, description="on the first charger only")


class Location(_Reply):
    """A charging site with its chargers."""

    id: str = Field(examples=["loc-42"])
    ocpp_location_id: str | None = Field(None, examples=["ocpp-loc-42"])
    organization_id: str | None = None
    slug: str | None = Field(None, examples=["la-defense-charging-hub-ab12cd34"])
    name: str | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = Field(None, examples=["FR"])
    coordinates: Coordinates | None = None
    timezone: str | None = Field(None, examples=["Europe/Paris"])
    owner_name: str | None = Field(None, examples=["VINCI Autoroutes"])
    public: bool | None = None
    chargers: list[ChargerSummary] | None = None
    created_at: str | None = _instant()
    updated_at: str | None = _instant()


class BulkAccepted(_Reply):
    """A bulk job was accepted: poll its status."""

    job_id: str
    status: Literal["PROVISIONING"]
    status_url: str = Field(examples=["/ocpi/cpos/42/locations/jobs/4f6b5e0e-7d1a-4b0a-9c2e-abc123456789"])
    workflow_run_id: str | None = Field(None, examples=["wfr_abc123"])


class FailedItem(_Reply):
    """An item of a bulk job that was not created."""

    index: int
    name: str
    error: ProvisioningError


class Results(_Reply):
    """What a bulk job left."""

    location_ids: list[str] = Field(description="in the order of the items")
    failed: list[FailedItem]


class Job(_Reply):
    """A bulk job."""

    job_id: str
    job_type: str | None = Field(None, examples=["bulk_create_locations"])
    status: Status | None = None
    workflow_run_id: str | None = None
    error: ProvisioningError | None = Field(None, description="why every item failed")
    results: Results | None = Field(None, description="when READY or FAILED")
    provisioned_at: str | None = _instant()


class CpoTemplate(_Reply):
    """A CPO template."""

    slug: str
    version: int
    description: str
    locations: int
    chargers: int


class CpoTemplates(_Reply):
    """The gallery, whole."""

    data: list[CpoTemplate]
    total: int


class TemplateChargerGroup(_Reply):
    """Chargers of one model in a location template."""

    brand_slug: str
    model_slug: str
    connector_type: str
    ocpp_version: str
    count: int
    nominal_kw: float


class LocationTemplate(_Reply):
    """A location template."""

    slug: str
    country: str
    parking_type: str
    type: Literal["AC", "DC", "AC-DC"]
    charger_groups: list[TemplateChargerGroup]


class LocationTemplates(_Reply):
    """The location templates, whole."""

    data: list[LocationTemplate]
    total: int


class Charger(_Reply):
    """A charger, as the OCPP side knows it."""

    id: str = Field(examples=["dep-123"])
    identity: str = Field(examples=["SITE_A_001"])
    name: str | None = None
    vendor_name: str | None = Field(None, examples=["Alpitronic"])
    model: str | None = Field(None, examples=["Hypercharger HYC150"])
    image_url: str | None = None
    ocpp_version: str | None = Field(None, examples=["OCPP1.6"])
    number_of_connectors: int | None = None
    max_charging_power: int | None = Field(None, description="watts", examples=[22000])
    connector_type: str | None = Field(None, examples=["Type2"])
    location_id: str | None = Field(None, description="the OCPP location id", examples=["ocpp-loc-42"])
    created_at: str | None = _instant()
    updated_at: str | None = _instant()


class ChargerStatus(_Reply):
    """How far a charger is."""

    charger_id: str
    status: Status | None = None
    workflow_run_id: str | None = None
    error: ProvisioningError | None = None
    provisioned_at: str | None = _instant()


class LogEntry(_Reply):
    """One OCPP message."""

    direction: str = Field(examples=["cp_to_csms"])
    action: str = Field(examples=["Heartbeat"])
    message: str | None = Field(None, description="the OCPP-J frame", examples=['[2,"42-1","Heartbeat",{}]'])
    timestamp: str | None = _instant()


class Logs(_Reply):
    """A window of a charger's messages, oldest first."""

    data: list[LogEntry]
    total: int
    limit: int
    offset: int
