"""What the loaders are asked with, where a plain id does not say it all."""

from dataclasses import dataclass

LocationKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChargerKey:
    """A charger, and the OCPP location it stands in, if the path that led here told it."""

    charger_id: str
    ocpp_location_id: str | None = None
