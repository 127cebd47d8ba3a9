"""Objects without an id of their own, that come inside a record: party, topology, point, EVSE, message."""

from datetime import datetime

import strawberry

from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    CoordinatesRecord,
    EVSERecord,
    PartyRecord,
    TopologyRecord,
)
from ocpplab_graphql.schema.fields import value


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
