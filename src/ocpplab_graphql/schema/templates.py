"""What can be made of templates: the two galleries of the gateway."""

import strawberry

from ocpplab_graphql.execution.bindings import Value
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.records import ChargerGroupRecord, CPOTemplateRecord, LocationTemplateRecord
from ocpplab_graphql.schema.enums import CurrentType
from ocpplab_graphql.schema.fields import computed, value

_POWER_MAX_W = 2**31 - 1


@strawberry.type(name="CPOTemplate", description="A network that a CPO can be made from.")
class CPOTemplate:
    """Source: gateway contract, T1."""

    slug: str = value(
        CPOTemplateRecord, "slug", description="Its name: what `createCPO` takes as `template`."
    )
    version: int | None = value(CPOTemplateRecord, "version", description="Its version, from 1.")
    description: str | None = value(
        CPOTemplateRecord, "description", description="What it is like, for people."
    )
    location_count: int | None = value(CPOTemplateRecord, "locations", description="Locations that it makes.")
    charger_count: int | None = value(CPOTemplateRecord, "chargers", description="Chargers that it makes.")


def _watts(kilowatts: float | None) -> int | None:
    if kilowatts is None:
        return None
    if not 0 <= kilowatts * 1000 <= _POWER_MAX_W:
        raise GatewayInvalidResponse("The gateway sent a nominal_kw that can be no power.")
    return round(kilowatts * 1000)


@strawberry.type(description="Equal chargers in a location template.")
class TemplateChargerGroup:
    """Source: gateway contract, T2."""

    brand: str | None = value(ChargerGroupRecord, "brand_slug", description="Slug of the maker.")
    model: str | None = value(ChargerGroupRecord, "model_slug", description="Slug of the maker's model.")
    connector_type: str | None = value(
        ChargerGroupRecord,
        "connector_type",
        description="Market name of the connector, such as CCS2. Not a closed set.",
    )
    ocpp_version: str | None = value(
        ChargerGroupRecord,
        "ocpp_version",
        description="OCPP version they speak, such as OCPP1.6. Not a closed set.",
    )
    charger_count: int | None = value(ChargerGroupRecord, "count", description="How many chargers it makes.")
    nominal_power_w: int | None = computed(
        _watts, Value(ChargerGroupRecord, "nominal_kw"), description="Power of each, in watts."
    )


def _current_type(text: str | None) -> CurrentType | None:
    try:
        return CurrentType(text)
    except ValueError:
        return None


@strawberry.type(description="A location that can be made, with its chargers.")
class LocationTemplate:
    """Source: gateway contract, T2."""

    slug: str = value(
        LocationTemplateRecord,
        "slug",
        description="Its name: what `LocationFromTemplateInput.template` takes.",
    )
    country: str | None = value(
        LocationTemplateRecord, "country", description="ISO 3166-1 alpha-2 code, such as FR."
    )
    parking_type: str | None = value(
        LocationTemplateRecord,
        "parking_type",
        description="Kind of parking, as in the enum ParkingType; new ones may come.",
    )
    current_type: CurrentType | None = computed(
        _current_type,
        Value(LocationTemplateRecord, "type"),
        description="Kind of current; null for one that this API does not know.",
    )
    charger_groups: list[TemplateChargerGroup] | None = value(
        LocationTemplateRecord, "charger_groups", description="The chargers it makes, grouped."
    )
