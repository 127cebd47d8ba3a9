"""
The galleries: what CPOs and locations can be made from.

Source: gateway contract, section 5.
"""

from typing import Any, Literal, NamedTuple

from ocpplab_graphql.sandbox.hardware import model_of

__all__ = [
    "BY_SLUG",
    "CPO_TEMPLATES",
    "CPO_TEMPLATES_BY_SLUG",
    "LOCATION_TEMPLATES",
    "CpoTemplate",
    "CurrentType",
    "LocationTemplate",
    "TemplateGroup",
    "matching_location_templates",
]

CurrentType = Literal["AC", "DC", "AC-DC"]


class CpoTemplate(NamedTuple):
    """
    A CPO template: how many of what, and how far that may be overridden.

    Args:
        pattern: (gives DC, OCPP version) of a location's chargers, over and over.
        most_locations: cap of the override `locations`.
        most_chargers_per_location: cap of the override `chargers_per_location`.

    """

    slug: str
    version: int
    description: str
    locations: int
    chargers: int
    pattern: tuple[tuple[bool, str], ...]
    most_locations: int = 50
    most_chargers_per_location: int = 24

    def shown(self) -> dict[str, Any]:
        """The template as T1 shows it."""
        return {name: getattr(self, name) for name in CpoTemplate._fields[:5]}


class TemplateGroup(NamedTuple):
    """Chargers of one model; `direct` says whether they give DC."""

    brand_slug: str
    model_slug: str
    connector_type: str
    ocpp_version: str
    charger_count: int
    identity_prefix: str
    direct: bool

    def shown(self) -> dict[str, Any]:
        """The group as T2 shows it."""
        power_w = model_of(self.brand_slug, self.model_slug).max_power_w or 0
        return {
            "brand_slug": self.brand_slug,
            "model_slug": self.model_slug,
            "connector_type": self.connector_type,
            "ocpp_version": self.ocpp_version,
            "count": self.charger_count,
            "nominal_kw": power_w / 1000,
        }


class LocationTemplate(NamedTuple):
    """A location template: a whole location, which a bulk item may override."""

    slug: str
    name: str
    address: str
    city: str
    country: str
    latitude: float
    longitude: float
    timezone: str
    owner_name: str
    parking_type: str
    groups: tuple[TemplateGroup, ...]

    @property
    def current_type(self) -> CurrentType:
        """Derived from the groups."""
        kinds = {group.direct for group in self.groups}
        if len(kinds) > 1:
            return "AC-DC"
        return "DC" if True in kinds else "AC"

    def shown(self) -> dict[str, Any]:
        """The template as T2 shows it."""
        return {
            "slug": self.slug,
            "country": self.country,
            "parking_type": self.parking_type,
            "type": self.current_type,
            "charger_groups": [group.shown() for group in self.groups],
        }


_AC_16, _DC_201 = (False, "OCPP1.6"), (True, "OCPP2.0.1")
_MIXED = (_AC_16, _AC_16, _DC_201, _AC_16, _AC_16, _DC_201)

CPO_TEMPLATES = (
    CpoTemplate("small-urban-ac", 1, "Two city sites with AC chargers on OCPP 1.6", 2, 6, (_AC_16,)),
    CpoTemplate("highway-dc", 1, "Three motorway sites with fast DC chargers", 3, 6, (_DC_201,)),
    CpoTemplate(
        "mixed-depot", 1, "One depot: four AC and two DC chargers, mixed OCPP versions", 1, 6, _MIXED, 10
    ),
)

LOCATION_TEMPLATES = (
    LocationTemplate(
        "urban-ac-hub",
        "Urban AC Hub",
        "12 Rue de Bercy",
        "Paris",
        "FR",
        48.8402,
        2.3791,
        "Europe/Paris",
        "Indigo",
        "PARKING_GARAGE",
        (TemplateGroup("alfen", "eve-double-pro-line", "Type2", "OCPP1.6", 4, "URBAN_AC_", False),),
    ),
    LocationTemplate(
        "highway-dc-station",
        "Highway DC Station",
        "A6, Aire de Nemours",
        "Nemours",
        "FR",
        48.2546,
        2.7065,
        "Europe/Paris",
        "VINCI Autoroutes",
        "ALONG_MOTORWAY",
        (TemplateGroup("alpitronic", "hyc300", "CCS2", "OCPP2.0.1", 4, "HIGHWAY_DC_", True),),
    ),
    LocationTemplate(
        "residential-ac-single",
        "Residential AC Single",
        "8 Kastanienallee",
        "Berlin",
        "DE",
        52.5389,
        13.4094,
        "Europe/Berlin",
        "Berliner Stadtwerke",
        "ON_STREET",
        (TemplateGroup("keba", "kecontact-p40", "Type2", "OCPP1.6", 1, "RESIDENTIAL_AC_", False),),
    ),
    LocationTemplate(
        "retail-mixed-park",
        "Retail Mixed Park",
        "25 Stationsplein",
        "Utrecht",
        "NL",
        52.0894,
        5.1098,
        "Europe/Amsterdam",
        "Q-Park",
        "PARKING_LOT",
        (
            TemplateGroup("alfen", "eve-double-pro-line", "Type2", "OCPP1.6", 4, "RETAIL_AC_", False),
            TemplateGroup("alpitronic", "hyc150", "CCS2", "OCPP2.0.1", 2, "RETAIL_DC_", True),
        ),
    ),
)

CPO_TEMPLATES_BY_SLUG = {template.slug: template for template in CPO_TEMPLATES}
BY_SLUG = {template.slug: template for template in LOCATION_TEMPLATES}


def matching_location_templates(
    current_type: CurrentType | None, ocpp_version: str | None
) -> list[LocationTemplate]:
    """Templates of one current type, or with a group of one OCPP version. Source: gateway contract, T2."""
    return [
        template
        for template in LOCATION_TEMPLATES
        if current_type in (None, template.current_type)
        and (ocpp_version is None or any(group.ocpp_version == ocpp_version for group in template.groups))
    ]
