"""
What sites and chargers are like in a country: names, addresses, operators, models; and chance that is none.
"""

import hashlib
import unicodedata

__all__ = [
    "AC_MODELS",
    "CHADEMO_MODELS",
    "DC_MODELS",
    "KINDS",
    "OPERATORS",
    "TIMEZONES",
    "ascii_words",
    "chance_of",
    "site_name",
    "written_address",
]

TIMEZONES = {
    "FR": "Europe/Paris",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "IT": "Europe/Rome",
    "CH": "Europe/Zurich",
    "MC": "Europe/Monaco",
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "CZ": "Europe/Prague",
    "PL": "Europe/Warsaw",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "LU": "Europe/Luxembourg",
    "DK": "Europe/Copenhagen",
    "SE": "Europe/Stockholm",
    "NO": "Europe/Oslo",
}

OPERATORS = {
    "FR": ("VINCI Autoroutes", "Indigo", "Q-Park", "EFFIA", "Izivia", "TotalEnergies"),
    "ES": ("Iberdrola", "Endesa X Way", "Saba", "Zunder"),
    "PT": ("EDP Comercial", "Galp Electric", "Saba"),
    "IT": ("Enel X Way", "Be Charge", "Saba"),
    "CH": ("evpass", "MOVE Mobility", "Parking Suisse"),
    "MC": ("Monaco Parkings",),
    "DE": ("EnBW mobility+", "APCOA", "Contipark", "Allego", "IONITY", "Aral pulse"),
    "AT": ("Wien Energie", "SMATRICS", "BOE Gebäudemanagement", "APCOA"),
    "CZ": ("ČEZ", "PRE"),
    "PL": ("GreenWay Polska", "Orlen Charge"),
    "NL": ("Q-Park", "Fastned", "Vattenfall InCharge", "Interparking"),
    "BE": ("Interparking", "Indigo", "Allego"),
    "LU": ("Chargy", "Indigo"),
    "DK": ("Clever", "Spirii", "APCOA"),
    "SE": ("Stockholm Parkering", "Vattenfall InCharge", "Mer"),
    "NO": ("Recharge", "Mer"),
}

KINDS = (
    ("PARKING_GARAGE", {"FR": "Parking", "DE": "Parkhaus", "NL": "Parkeergarage"}, "Car Park"),
    ("ON_STREET", {"FR": "Station", "DE": "Ladestation", "NL": "Laadplein"}, "Charging Point"),
    (
        "UNDERGROUND_GARAGE",
        {"FR": "Parking", "DE": "Tiefgarage", "NL": "Parkeergarage"},
        "Underground Car Park",
    ),
    ("PARKING_LOT", {"FR": "Hub", "DE": "Ladepark", "NL": "Laadpark"}, "Charging Hub"),
)
AC_MODELS = (
    ("alfen", "eve-double-pro-line"),
    ("keba", "kecontact-p40"),
    ("schneider-electric", "evlink-pro-ac"),
    ("easee", "charge-pro"),
    ("abb", "terra-ac-w22"),
    ("zaptec", "pro"),
    ("mennekes", "amtron-professional"),
    ("wallbox", "pulsar-plus"),
)
DC_MODELS = (
    ("alpitronic", "hyc150"),
    ("alpitronic", "hyc300"),
    ("abb", "terra-184"),
    ("alpitronic", "hyc400"),
    ("siemens", "sicharge-d"),
    ("delta", "ufc-200"),
    ("tritium", "rtm75"),
)
CHADEMO_MODELS = (("abb", "terra-54-cj"), ("efacec", "qc45"))


def chance_of(*parts: object) -> int:
    """A number of 64 bits that only depends on the parts."""
    text = ":".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


_FRENCH = {"FR", "MC", "LU"}
_GERMAN = {"DE", "AT"}


def site_name(country: str, words: dict[str, str], english: str, place: str) -> str:
    if country in _FRENCH:
        return f"{words['FR']} {place}"
    if country in _GERMAN:
        return f"{words['DE']} {place}"
    if country == "NL":
        return f"{words['NL']} {place}"
    return f"{place} {english}"


def written_address(country: str, written: str) -> str:
    """The address as its country writes it, from "12 Rue de Bercy"."""
    house, street = written.split(" ", 1)
    if country in _FRENCH:
        return written
    return f"{street}, {house}" if country in {"ES", "PT", "IT"} else f"{street} {house}"


def ascii_words(text: str) -> str:
    """`munchen-hauptbahnhof`: lower case, ASCII, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())


_LETTERS = str.maketrans({"ø": "o", "ß": "ss", "ł": "l", "æ": "ae", "đ": "d"})
