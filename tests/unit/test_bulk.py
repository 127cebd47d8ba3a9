"""Bulk creation: every mistake with its path, what is sent, and what a refusal is about."""

from dataclasses import replace

import pytest
from strawberry import UNSET

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.enums import ParkingType
from ocpplab_graphql.schema.inputs import (
    BulkCreateLocationsInput,
    BulkLocationInput,
    ChargerGroupInput,
    CoordinatesInput,
    LocationFromTemplateInput,
    LocationOverridesInput,
    NewLocationInput,
)
from ocpplab_graphql.schema.writing import bulk

PARIS = CoordinatesInput(latitude=48.85, longitude=2.35)
PLACE = NewLocationInput(name="Hub", address="1 Rue", city="Paris", country="FR", coordinates=PARIS)
GROUP = ChargerGroupInput(
    brand_slug="abb",
    model_slug="terra",
    connector_type="CCS2",
    ocpp_version="OCPP1.6",
    ws_url="wss://csms.test/ocpp",
    identity_prefix="SITE_A_",
    charger_ids=["001", "002"],
)


def new(**fields):
    return BulkLocationInput(location=replace(PLACE, **fields))


def made(template="urban-ac-hub", **overrides):
    given = LocationOverridesInput(**overrides) if overrides else UNSET
    return BulkLocationInput(from_template=LocationFromTemplateInput(template=template, overrides=given))


def found(*items, key=UNSET, items_max=1000):
    given = BulkCreateLocationsInput(cpo_id="101", locations=list(items), idempotency_key=key)
    return [(m.code.name, "/".join(m.path[1:])) for m in bulk.mistakes(given, items_max=items_max)]


def test_what_is_right_has_no_mistakes():
    assert (
        found(new(charger_groups=[GROUP], timezone="Europe/Paris", owner_name=None), made(name="x"), made())
        == []
    )


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        (new(name=" "), "BLANK", "location/name"),
        (new(address=""), "BLANK", "location/address"),
        (new(city=""), "BLANK", "location/city"),
        (new(owner_name=""), "BLANK", "location/ownerName"),
        (new(country="fr"), "INVALID", "location/country"),
        (new(country="FRA"), "INVALID", "location/country"),
        (new(timezone="Paris"), "INVALID", "location/timezone"),
        (new(is_public=None), "NULL_NOT_ALLOWED", "location/isPublic"),
        (new(parking_type=None), "NULL_NOT_ALLOWED", "location/parkingType"),
        (new(charger_groups=None), "NULL_NOT_ALLOWED", "location/chargerGroups"),
        (new(coordinates=replace(PARIS, latitude=90.1)), "OUT_OF_RANGE", "location/coordinates/latitude"),
        (new(coordinates=replace(PARIS, longitude=-181)), "OUT_OF_RANGE", "location/coordinates/longitude"),
        (new(charger_groups=[replace(GROUP, brand_slug="")]), "BLANK", "location/chargerGroups/0/brandSlug"),
        (new(charger_groups=[replace(GROUP, model_slug="")]), "BLANK", "location/chargerGroups/0/modelSlug"),
        (
            new(charger_groups=[replace(GROUP, connector_type="")]),
            "BLANK",
            "location/chargerGroups/0/connectorType",
        ),
        (
            new(charger_groups=[replace(GROUP, ocpp_version="")]),
            "BLANK",
            "location/chargerGroups/0/ocppVersion",
        ),
        (
            new(charger_groups=[replace(GROUP, ws_url="http://x")]),
            "INVALID",
            "location/chargerGroups/0/wsUrl",
        ),
        (
            new(charger_groups=[replace(GROUP, charger_ids=[])]),
            "BLANK",
            "location/chargerGroups/0/chargerIds",
        ),
        (
            new(charger_groups=[replace(GROUP, charger_ids=["1", " "])]),
            "BLANK",
            "location/chargerGroups/0/chargerIds/1",
        ),
        (
            new(charger_groups=[GROUP, replace(GROUP, charger_ids=["003", "002"])]),
            "CONFLICT",
            "location/chargerGroups/1/chargerIds/1",
        ),
        (made(template=""), "BLANK", "fromTemplate/template"),
        (made(name=None), "NULL_NOT_ALLOWED", "fromTemplate/overrides/name"),
        (made(identity_prefix=None), "NULL_NOT_ALLOWED", "fromTemplate/overrides/identityPrefix"),
        (made(ocpp_version=""), "BLANK", "fromTemplate/overrides/ocppVersion"),
        (
            made(coordinates=replace(PARIS, latitude=-91)),
            "OUT_OF_RANGE",
            "fromTemplate/overrides/coordinates/latitude",
        ),
    ],
)
def test_a_mistake_is_told_with_its_path(item, code, path):
    assert found(made(), item) == [(code, f"locations/1/{path}")]


def test_all_mistakes_are_told_at_once():
    assert found(new(name="", country="x"), made(city=""), key="é") == [
        ("INVALID", "idempotencyKey"),
        ("BLANK", "locations/0/location/name"),
        ("INVALID", "locations/0/location/country"),
        ("BLANK", "locations/1/fromTemplate/overrides/city"),
    ]


def test_there_must_be_locations_but_not_too_many():
    assert found() == [("BLANK", "locations")]
    assert found(made(), new(name=""), made(), items_max=2) == [("TOO_MANY", "locations")]


@pytest.mark.parametrize(
    ("key", "fits"), [("a", True), ("a b", True), ("x" * 255, True), ("", False), ("x" * 256, False)]
)
def test_an_idempotency_key_is_bounded(key, fits):
    assert found(made(), key=key) == ([] if fits else [("INVALID", "idempotencyKey")])


def test_only_what_the_client_set_is_sent():
    items = [
        new(is_public=False, parking_type=ParkingType.ON_STREET, owner_name=None, charger_groups=[GROUP]),
        made(),
        made(identity_prefix="X_", coordinates=PARIS),
    ]
    point = {"latitude": 48.85, "longitude": 2.35}

    assert bulk.body(items) == {
        "locations": [
            {
                "name": "Hub",
                "address": "1 Rue",
                "city": "Paris",
                "country": "FR",
                "coordinates": point,
                "public": False,
                "parking_type": "ON_STREET",
                "owner_name": None,
                "charges": [
                    {
                        "template": {
                            "brand_slug": "abb",
                            "model_slug": "terra",
                            "connector_type": "CCS2",
                            "ocpp_version": "OCPP1.6",
                            "ws_url": "wss://csms.test/ocpp",
                            "identity_prefix": "SITE_A_",
                        },
                        "charger_ids": ["001", "002"],
                    }
                ],
            },
            {"template": "urban-ac-hub"},
            {"template": "urban-ac-hub", "overrides": {"identity_prefix": "X_", "coordinates": point}},
        ]
    }


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        (
            ("body", "locations", 0, "coordinates", "latitude"),
            "input/locations/0/location/coordinates/latitude",
        ),
        (("body", "locations", 0, "public"), "input/locations/0/location/isPublic"),
        (
            ("body", "locations", 0, "charges", 1, "template", "ws_url"),
            "input/locations/0/location/chargerGroups/1/wsUrl",
        ),
        (
            ("body", "locations", 0, "charges", 1, "charger_ids", 2),
            "input/locations/0/location/chargerGroups/1/chargerIds/2",
        ),
        (("body", "locations", 1, "template"), "input/locations/1/fromTemplate/template"),
        (
            ("body", "locations", 1, "overrides", "owner_name"),
            "input/locations/1/fromTemplate/overrides/ownerName",
        ),
        (("body", "locations", 0, "unheard_of", "name"), "input/locations/0/location"),
        (("body", "locations", 9, "name"), "input/locations"),
        (("body", "locations"), "input/locations"),
        (("body",), "input"),
        (("path", "cpo_id"), "input"),
        ((), "input"),
        (("header", "idempotency-key"), "input/idempotencyKey"),
    ],
)
def test_a_complaint_of_the_gateway_leads_back_to_the_input(loc, path):
    told = bulk.rejection(Complaint(loc, "why"), [new(), made()])

    assert (told.code.name, told.message, "/".join(told.path)) == ("REJECTED", "why", path)


def test_an_unknown_template_is_told_with_those_there_are():
    [told] = bulk.unknown_templates([new(), made(), made("nowhere")], {"urban-ac-hub", "highway"})

    assert told.message == "There is no location template 'nowhere'. There are: highway, urban-ac-hub."
    assert told.path == ["input", "locations", "2", "fromTemplate", "template"]
