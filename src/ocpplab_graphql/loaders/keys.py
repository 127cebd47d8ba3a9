"""What the loaders are asked with, where a plain id does not say it all."""

from msgspec import Struct

LocationKey = tuple[str, str]


class ChargerKey(Struct, frozen=True, gc=False):
    """A charger, and the OCPP location it stands in, if the path that led here told it."""

    charger_id: str
    ocpp_location_id: str | None = None
