"""What clients send with mutations. Lists count from 0; texts are trimmed by nobody."""

import strawberry
from strawberry import ID, UNSET

from ocpplab_graphql.schema.enums import CPORole, ParkingType

_NULL_CLEARS = "Null means none."


@strawberry.input(description="A point on Earth, WGS 84.")
class CoordinatesInput:
    """Source: gateway contract, section 4."""

    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")


@strawberry.input(
    description="Equal chargers of a new location. An identity is `identityPrefix` and a charger id, joined."
)
class ChargerGroupInput:
    """Source: gateway contract, L2."""

    brand_slug: str = strawberry.field(description="Slug of the maker, as in the gateway's catalogue.")
    model_slug: str = strawberry.field(description="Slug of the maker's model.")
    connector_type: str = strawberry.field(description="Market name of the connector, such as CCS2 or Type2.")
    ocpp_version: str = strawberry.field(description="OCPP version they speak, such as OCPP1.6 or OCPP2.0.1.")
    ws_url: str = strawberry.field(
        description="The central system that they connect to: a ws:// or wss:// URL."
    )
    identity_prefix: str = strawberry.field(
        description="Put before each charger id, such as `SITE_A_`. May be empty."
    )
    template_name: str | None = strawberry.field(
        default=UNSET, description=f"Name of a charger template, if one is to be used. {_NULL_CLEARS}"
    )
    charger_ids: list[str] = strawberry.field(
        description="One suffix for each charger, such as 001. At least one."
    )


@strawberry.input(description="A location that says everything itself.")
class NewLocationInput:
    """Source: gateway contract, L2 (a)."""

    name: str = strawberry.field(description="What it is called; not empty.")
    address: str = strawberry.field(description="Street and number; not empty.")
    city: str = strawberry.field(description="City or town; not empty.")
    country: str = strawberry.field(description="ISO 3166-1 alpha-2 code in upper case, such as FR.")
    coordinates: CoordinatesInput = strawberry.field(description="Where it is.")
    timezone: str | None = strawberry.field(
        default=UNSET, description=f"IANA time zone, such as Europe/Paris. {_NULL_CLEARS}"
    )
    owner_name: str | None = strawberry.field(default=UNSET, description=f"Who owns the site. {_NULL_CLEARS}")
    is_public: bool | None = strawberry.field(
        default=UNSET,
        description="Whether it is open to everybody. Leave it out for the gateway's default; null is refused.",
    )
    parking_type: ParkingType | None = strawberry.field(
        default=UNSET, description="Kind of parking. Leave it out if unknown; null is refused."
    )
    charger_groups: list[ChargerGroupInput] | None = strawberry.field(
        default=UNSET, description="Its chargers. Leave it out for a location without any; null is refused."
    )


@strawberry.input(description="What differs from the template. What is left out comes from the template.")
class LocationOverridesInput:
    """Source: gateway contract, L2 (b)."""

    name: str | None = strawberry.field(default=UNSET, description="What it is called; null is refused.")
    address: str | None = strawberry.field(default=UNSET, description="Street and number; null is refused.")
    city: str | None = strawberry.field(default=UNSET, description="City or town; null is refused.")
    country: str | None = strawberry.field(
        default=UNSET, description="ISO 3166-1 alpha-2 code in upper case, such as FR; null is refused."
    )
    coordinates: CoordinatesInput | None = strawberry.field(
        default=UNSET, description="Where it is; null is refused."
    )
    timezone: str | None = strawberry.field(
        default=UNSET, description=f"IANA time zone, such as Europe/Paris. {_NULL_CLEARS}"
    )
    owner_name: str | None = strawberry.field(default=UNSET, description=f"Who owns the site. {_NULL_CLEARS}")
    is_public: bool | None = strawberry.field(
        default=UNSET, description="Whether it is open to everybody; null is refused."
    )
    parking_type: ParkingType | None = strawberry.field(
        default=UNSET, description="Kind of parking; null is refused."
    )
    ocpp_version: str | None = strawberry.field(
        default=UNSET, description="OCPP version of every charger, such as OCPP2.0.1; null is refused."
    )
    identity_prefix: str | None = strawberry.field(
        default=UNSET,
        description="Prefix of every charger's identity. Without it the gateway adds L01_, L02_, … where one "
        "template occurs several times. Null is refused.",
    )


@strawberry.input(description="A location made from a template of the gateway.")
class LocationFromTemplateInput:
    """Source: gateway contract, L2 (b)."""

    template: str = strawberry.field(description="Slug of a template, as `locationTemplates` lists them.")
    overrides: LocationOverridesInput | None = strawberry.field(
        default=UNSET, description="What differs from the template; null is the same as leaving it out."
    )


@strawberry.input(one_of=True, description="One location to create: exactly one of the two.")
class BulkLocationInput:
    """Source: gateway contract, L2."""

    location: NewLocationInput | None = strawberry.field(
        default=UNSET, description="A location that says everything itself."
    )
    from_template: LocationFromTemplateInput | None = strawberry.field(
        default=UNSET, description="A location made from a template."
    )


@strawberry.input(description="Locations to create under one CPO, in one durable job.")
class BulkCreateLocationsInput:
    """Source: gateway contract, L2."""

    cpo_id: ID = strawberry.field(
        description="The CPO that will own them: the gateway's own id or a global id."
    )
    locations: list[BulkLocationInput] = strawberry.field(description="1 to 1,000 locations.")
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="1 to 255 printable ASCII characters, new for each intention. Sent to the gateway as "
        "`Idempotency-Key`: one that honours keys, as the sandbox does, creates one job however often the same "
        "request is sent. This API itself does not remember keys: on a gateway that ignores them, sending the "
        "request again creates a second job.",
    )


@strawberry.input(description="What is to change of a location. What is left out stays as it is.")
class UpdateLocationInput:
    """Source: gateway contract, L6."""

    cpo_id: ID | None = strawberry.field(
        default=UNSET,
        description="The CPO that owns it. May be left out beside a global id, and must agree if given.",
    )
    location_id: ID = strawberry.field(
        description="The gateway's own id (then `cpoId` is needed), or the global id of a Location."
    )
    name: str | None = strawberry.field(default=UNSET, description="What it is called; null is refused.")
    address: str | None = strawberry.field(default=UNSET, description="Street and number; null is refused.")
    city: str | None = strawberry.field(default=UNSET, description="City or town; null is refused.")
    country: str | None = strawberry.field(
        default=UNSET, description="ISO 3166-1 alpha-2 code in upper case, such as FR; null is refused."
    )
    coordinates: CoordinatesInput | None = strawberry.field(
        default=UNSET, description="Where it is; null is refused."
    )
    timezone: str | None = strawberry.field(
        default=UNSET, description=f"IANA time zone, such as Europe/Paris. {_NULL_CLEARS}"
    )
    owner_name: str | None = strawberry.field(default=UNSET, description=f"Who owns the site. {_NULL_CLEARS}")
    is_public: bool | None = strawberry.field(
        default=UNSET, description="Whether it is open to everybody; null is refused."
    )
    parking_type: ParkingType | None = strawberry.field(
        default=UNSET, description="Kind of parking; no reply tells it. Null is refused."
    )


@strawberry.input(description="The location to delete.")
class DeleteLocationInput:
    """Source: gateway contract, L5."""

    cpo_id: ID | None = strawberry.field(
        default=UNSET,
        description="The CPO that owns it. May be left out beside a global id, and must agree if given.",
    )
    location_id: ID = strawberry.field(
        description="The gateway's own id (then `cpoId` is needed), or the global id of a Location."
    )


@strawberry.input(
    name="CPOOverridesInput", description="What differs from the template; the template caps it."
)
class CPOOverridesInput:
    """Source: gateway contract, C2."""

    location_count: int | None = strawberry.field(
        default=UNSET, description="How many locations, at least 1; null is the template's own number."
    )
    chargers_per_location: int | None = strawberry.field(
        default=UNSET, description="How many chargers at each, at least 1; null is the template's own number."
    )


@strawberry.input(name="CreateCPOInput", description="A CPO to create from a template of the gateway.")
class CreateCPOInput:
    """Source: gateway contract, C2."""

    template: str = strawberry.field(description="Slug of a template, as `cpoTemplates` lists them.")
    country_code: str = strawberry.field(
        description="ISO 3166-1 alpha-2 code of its party in upper case, such as FR."
    )
    party_id: str = strawberry.field(
        description="Three upper-case letters or digits. The gateway alters it if the organization has it already."
    )
    name_prefix: str = strawberry.field(description="Label put before every identity under it; not empty.")
    role: CPORole | None = strawberry.field(
        default=UNSET, description="Its OCPI role; CPO if left out. Null is refused."
    )
    ocpi_version: str | None = strawberry.field(
        default=UNSET, description="OCPI version it speaks; 2.2.1 if left out. Null is refused."
    )
    seed: int | None = strawberry.field(
        default=UNSET,
        description="The same seed and template give the same content; null is a seed of chance.",
    )
    ttl_seconds: int | None = strawberry.field(
        default=UNSET,
        description="When it destroys itself, 60 to 604800 seconds from now; 3600 if left out, null for never.",
    )
    overrides: CPOOverridesInput | None = strawberry.field(
        default=UNSET, description="What differs from the template; null is the same as leaving it out."
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="1 to 255 printable ASCII characters, new for each intention. Sent to the gateway as "
        "`Idempotency-Key`: one that honours keys, as the sandbox does, creates one CPO however often the same "
        "request is sent. This API itself does not remember keys.",
    )


@strawberry.input(name="DeleteCPOInput", description="The CPO to delete, with all it holds.")
class DeleteCPOInput:
    """Source: gateway contract, C5."""

    cpo_id: ID = strawberry.field(description="The gateway's own id, such as 101, or the global id of a CPO.")
