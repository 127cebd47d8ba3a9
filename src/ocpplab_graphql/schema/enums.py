"""The closed sets of the graph. What the gateway may extend stays a string."""

from enum import Enum

import strawberry
from strawberry import enum_value


@strawberry.enum(description="The kind of current that the chargers of a template deliver.")
class CurrentType(Enum):
    """Values as the gateway writes them."""

    AC = enum_value("AC", description="Alternating current only.")
    DC = enum_value("DC", description="Direct current only.")
    AC_DC = enum_value("AC-DC", description="Both, at one location. The gateway writes `AC-DC`.")


@strawberry.enum(description="The kind of parking at a location, as OCPI names it.")
class ParkingType(Enum):
    """Source: OCPI 2.2.1, ParkingType."""

    ALONG_MOTORWAY = enum_value("ALONG_MOTORWAY", description="Service area along a motorway.")
    PARKING_GARAGE = enum_value("PARKING_GARAGE", description="Multi-storey car park.")
    PARKING_LOT = enum_value("PARKING_LOT", description="Open car park.")
    ON_DRIVEWAY = enum_value("ON_DRIVEWAY", description="On the driveway of a house.")
    ON_STREET = enum_value("ON_STREET", description="In public space along a street.")
    UNDERGROUND_GARAGE = enum_value("UNDERGROUND_GARAGE", description="Car park below ground.")


@strawberry.enum(name="CPORole", description="The OCPI role that a new party takes.")
class CPORole(Enum):
    """Values as the gateway writes them."""

    CPO = enum_value("cpo", description="Charge point operator: it owns locations.")
    EMSP = enum_value("emsp", description="E-mobility service provider: its customers charge elsewhere.")


@strawberry.enum(description="Where a durable job or a provisioning stands.")
class ProvisioningStatus(Enum):
    """Source: gateway contract, section 1, durable pattern."""

    PENDING = enum_value("PENDING", description="Accepted; its work has not begun.")
    PROVISIONING = enum_value("PROVISIONING", description="Its work is under way.")
    READY = enum_value("READY", description="Finished. Single items of a bulk job may still have failed.")
    FAILED = enum_value("FAILED", description="Finished without a result; `error` says why.")
    UNKNOWN = enum_value("UNKNOWN", description="The gateway sent a status that this API does not know yet.")


@strawberry.enum(description="What is wrong with an input.")
class UserErrorCode(Enum):
    """For programs; `message` is for people."""

    BLANK = enum_value("BLANK", description="A text or list that must hold something is empty.")
    INVALID = enum_value("INVALID", description="The value has not the form that is needed.")
    OUT_OF_RANGE = enum_value("OUT_OF_RANGE", description="A number outside its bounds.")
    TOO_MANY = enum_value("TOO_MANY", description="More items than one request may hold.")
    NULL_NOT_ALLOWED = enum_value(
        "NULL_NOT_ALLOWED", description="Null was given where the gateway has no meaning for it."
    )
    NOT_FOUND = enum_value("NOT_FOUND", description="What the input refers to does not exist.")
    CONFLICT = enum_value("CONFLICT", description="It collides with something that exists.")
    REJECTED = enum_value("REJECTED", description="The gateway refused it; the message is its own.")
    IDEMPOTENCY_KEY_REUSED = enum_value(
        "IDEMPOTENCY_KEY_REUSED", description="The key was used before, with another input."
    )
    IDEMPOTENCY_KEY_IN_USE = enum_value(
        "IDEMPOTENCY_KEY_IN_USE", description="The first request with this key is still under way."
    )
