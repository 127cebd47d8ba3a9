"""
Charger models that exist, with the vendor's own names and the power on their data sheets.

A brand or model that is not listed is accepted all the same: its names are read from the slugs and its power
stays unknown.
"""

from typing import NamedTuple

__all__ = ["ChargerModel", "model_of"]


class ChargerModel(NamedTuple):
    """A model; power in watts."""

    vendor: str
    model: str
    connectors: int
    max_power_w: int | None


_MODELS: dict[tuple[str, str], ChargerModel] = {
    ("alfen", "eve-double-pro-line"): ChargerModel("Alfen", "Eve Double Pro-line", 2, 22_000),
    ("alfen", "eve-single-s-line"): ChargerModel("Alfen", "Eve Single S-line", 1, 11_000),
    ("abb", "terra-ac-w22"): ChargerModel("ABB", "Terra AC W22", 1, 22_000),
    ("keba", "kecontact-p40"): ChargerModel("KEBA", "KeContact P40", 1, 22_000),
    ("easee", "charge-pro"): ChargerModel("Easee", "Charge Pro", 1, 22_000),
    ("zaptec", "pro"): ChargerModel("Zaptec", "Pro", 1, 22_000),
    ("schneider-electric", "evlink-pro-ac"): ChargerModel("Schneider Electric", "EVlink Pro AC", 1, 22_000),
    ("mennekes", "amtron-professional"): ChargerModel("MENNEKES", "AMTRON Professional", 1, 22_000),
    ("wallbox", "pulsar-plus"): ChargerModel("Wallbox", "Pulsar Plus", 1, 11_000),
    ("abb", "terra-54-cj"): ChargerModel("ABB", "Terra 54 CJ", 2, 50_000),
    ("efacec", "qc45"): ChargerModel("Efacec", "QC45", 2, 50_000),
    ("tritium", "rtm75"): ChargerModel("Tritium", "RTM75", 2, 75_000),
    ("abb", "terra-184"): ChargerModel("ABB", "Terra 184", 2, 180_000),
    ("alpitronic", "hyc150"): ChargerModel("Alpitronic", "Hypercharger HYC150", 2, 150_000),
    ("alpitronic", "hyc300"): ChargerModel("Alpitronic", "Hypercharger HYC300", 2, 300_000),
    ("alpitronic", "hyc400"): ChargerModel("Alpitronic", "Hypercharger HYC400", 2, 400_000),
    ("siemens", "sicharge-d"): ChargerModel("Siemens", "SICHARGE D", 2, 300_000),
    ("delta", "ufc-200"): ChargerModel("Delta Electronics", "UFC 200", 2, 200_000),
}


def model_of(brand_slug: str, model_slug: str) -> ChargerModel:
    """The model behind two slugs."""
    known = _MODELS.get((brand_slug, model_slug))
    return known or ChargerModel(_titled(brand_slug), _titled(model_slug), 1, None)


def _titled(slug: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in slug.split("-") if word) or slug
