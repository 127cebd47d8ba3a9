"""
What clients may send: strict models, one per body of the contract.

Unknown keys are ignored. The two kinds of bulk items are told apart by the presence of `template`, so that
an error points at the field that is wrong and never at the kind that was not meant.
"""

from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

__all__ = [
    "ITEM_KINDS",
    "MAX_ITEMS",
    "BulkLocations",
    "ChargerGroup",
    "Coordinates",
    "CreateCpo",
    "LocationOverrides",
    "LocationPatch",
    "OcppVersion",
    "ParkingType",
    "RawLocation",
    "TemplateLocation",
    "is_timezone",
]

# The contract names no upper limit. A thousand items are about 400 KB and two seconds of work.
MAX_ITEMS = 1000

OcppVersion = Literal["OCPP1.6", "OCPP2.0.1"]
ParkingType = Literal[
    "ALONG_MOTORWAY", "PARKING_GARAGE", "PARKING_LOT", "ON_DRIVEWAY", "ON_STREET", "UNDERGROUND_GARAGE"
]


def _without_nul(text: str) -> str:
    # PostgreSQL cannot store U+0000, and nothing printable holds it.
    if "\x00" in text:
        raise PydanticCustomError("string_nul", "String should not hold the character U+0000")
    return text


Line = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_without_nul)]
Country = Annotated[
    str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, upper case", examples=["FR"])
]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Coordinates(_Request):
    """A point in WGS 84, in degrees."""

    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False, examples=[48.8566])
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False, examples=[2.3522])


class ChargerGroupTemplate(_Request):
    """What all chargers of one group have in common."""

    brand_slug: Line = Field(examples=["alfen"])
    model_slug: Line = Field(examples=["eve-double-pro-line"])
    connector_type: Line = Field(examples=["Type2"])
    ocpp_version: OcppVersion
    ws_url: Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_without_nul)] = Field(
        examples=["wss://csms.example.com/ocpp"]
    )
    identity_prefix: Annotated[str, Field(max_length=200), AfterValidator(_without_nul)] = Field(
        description="put before each charger id", examples=["SITE_A_"]
    )
    template_name: Line | None = None


class ChargerGroup(_Request):
    """Chargers of one model; an identity is `identity_prefix` + charger id."""

    template: ChargerGroupTemplate
    charger_ids: list[Line] = Field(
        max_length=100, description="suffixes of the identities", examples=[["001", "002"]]
    )


class RawLocation(_Request):
    """A bulk item that says everything itself. Source: gateway contract, L2 (a)."""

    name: Line = Field(examples=["La Defense Charging Hub"])
    address: Line = Field(examples=["14 Rue de la Paix"])
    city: Line = Field(examples=["Paris"])
    country: Country
    coordinates: Coordinates
    timezone: Line | None = Field(None, description="IANA name", examples=["Europe/Paris"])
    owner_name: Line | None = Field(None, examples=["VINCI Autoroutes"])
    public: bool | None = None
    parking_type: ParkingType | None = None
    charges: list[ChargerGroup] = Field(
        default_factory=list, max_length=100, description="charger groups; replies call them `chargers`"
    )


class LocationOverrides(_Request):
    """What a template item says itself; the rest comes from the template, shallowly merged."""

    name: Line | None = None
    address: Line | None = None
    city: Line | None = None
    country: Country | None = None
    coordinates: Coordinates | None = None
    timezone: Line | None = None
    owner_name: Line | None = None
    public: bool | None = None
    parking_type: ParkingType | None = None
    ocpp_version: OcppVersion | None = Field(None, description="rewrites every charger group")
    identity_prefix: Annotated[str, Field(max_length=200), AfterValidator(_without_nul)] | None = Field(
        None, description="replaces the prefix of every charger group"
    )


class TemplateLocation(_Request):
    """A bulk item made from a location template. Source: gateway contract, L2 (b)."""

    template: Line = Field(description="slug of a location template", examples=["urban-ac-hub"])
    overrides: LocationOverrides = Field(default_factory=LocationOverrides)


# Tags of the union. They are cut out of error locations, so they must be no field's name.
ITEM_KINDS = frozenset({"<raw>", "<template>"})


def _item_kind(item: Any) -> str:
    if isinstance(item, dict):
        return "<template>" if "template" in item else "<raw>"
    return "<template>" if isinstance(item, TemplateLocation) else "<raw>"


BulkItem = Annotated[
    Annotated[RawLocation, Tag("<raw>")] | Annotated[TemplateLocation, Tag("<template>")],
    Discriminator(_item_kind),
]


class BulkLocations(_Request):
    """The body of L2."""

    locations: list[BulkItem] = Field(min_length=1, max_length=MAX_ITEMS)


class CpoOverrides(_Request):
    """Other counts than the template's own, up to the template's caps; null is the template's own."""

    locations: int | None = Field(None, ge=1, le=50, examples=[5])
    chargers_per_location: int | None = Field(None, ge=1, le=24, examples=[4])


def _upper(text: str) -> str:
    return text.upper()


class CreateCpo(_Request):
    """The body of C2."""

    template: Line = Field(description="slug of a CPO template", examples=["small-urban-ac"])
    country_code: Country
    party_id: Annotated[str, Field(pattern="^[A-Za-z0-9]{3}$"), AfterValidator(_upper)] = Field(
        description="three letters or digits, made upper case; altered when the organization has it",
        examples=["ABC"],
    )
    name_prefix: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_without_nul)] = Field(
        description="put before every identity; one that holds `[fail]` makes the provisioning fail",
        examples=["demo"],
    )
    role: Literal["cpo", "emsp"] = "cpo"
    ocpi_version: Literal["2.1.1", "2.2", "2.2.1", "2.3.0"] = "2.2.1"
    seed: int | None = Field(
        None,
        ge=-(2**63),
        le=2**63 - 1,
        description="same seed and template, same content; null is chance",
        examples=[42],
    )
    ttl_seconds: int | None = Field(
        3600, ge=60, le=604_800, description="seconds until self-destruction; null = never"
    )
    overrides: CpoOverrides | None = None


def _somewhere() -> Coordinates:
    return Coordinates(latitude=0.0, longitude=0.0)


class LocationPatch(_Request):
    """The body of L6: only fields that are present change, chargers never."""

    # The factories only keep `default` out of the document: a field that was not sent is not looked at.
    name: Line = Field(default_factory=str, examples=["La Defense Charging Hub"])
    address: Line = Field(default_factory=str, examples=["14 Rue de la Paix"])
    city: Line = Field(default_factory=str, examples=["Paris"])
    country: Country = Field(default_factory=str)
    coordinates: Coordinates = Field(default_factory=_somewhere)
    timezone: Line | None = Field(None, description="IANA name", examples=["Europe/Paris"])
    owner_name: Line | None = Field(None, examples=["VINCI Autoroutes"])
    public: bool | None = None
    parking_type: ParkingType | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that are to change."""
        changed = {name: getattr(self, name) for name in self.model_fields_set}
        if point := changed.pop("coordinates", None):
            changed |= {"latitude": point.latitude, "longitude": point.longitude}
        return changed


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_timezone(name: str) -> bool:
    """Whether the IANA database knows this zone."""
    return name in _timezones()
