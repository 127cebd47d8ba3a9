"""Every reading route: its shape, its bounds, its errors."""

import pytest
from pydantic import BaseModel

from ocpplab_graphql.sandbox import replies

ONLY_READS = True

SHAPES: list[tuple[str, type[BaseModel]]] = [
    ("/ocpi/cpos", replies.Page[replies.Cpo]),
    ("/ocpi/cpos/101", replies.Cpo),
    ("/ocpi/cpos/101/status", replies.CpoStatus),
    ("/ocpi/cpos/101/report", replies.CpoReport),
    ("/ocpi/cpos/101/locations?limit=100", replies.Page[replies.Location]),
    ("/ocpi/cpos/101/locations/loc-5", replies.Location),
    ("/ocpi/templates/cpos", replies.CpoTemplates),
    ("/ocpp/templates/locations", replies.LocationTemplates),
    ("/ocpp/chargers?limit=100", replies.Page[replies.Charger]),
    ("/ocpp/chargers?location_id=ocpp-loc-5", replies.Page[replies.Charger]),
    ("/ocpp/chargers/dep-7", replies.Charger),
    ("/ocpp/chargers/dep-7/status", replies.ChargerStatus),
    ("/ocpp/chargers/dep-7/logs", replies.Logs),
    ("/ocpp/locations/ocpp-loc-5/chargers", replies.Page[replies.Charger]),
]

LISTS = [
    "/ocpi/cpos",
    "/ocpi/cpos/101/locations",
    "/ocpp/chargers",
    "/ocpp/chargers?location_id=ocpp-loc-6",
    "/ocpp/locations/ocpp-loc-6/chargers",
]

UNKNOWN = [
    "/ocpi/cpos/999",
    "/ocpi/cpos/0101",
    "/ocpi/cpos/99999999999999999999999999",
    "/ocpi/cpos/999/status",
    "/ocpi/cpos/999/report",
    "/ocpi/cpos/999/locations",
    "/ocpi/cpos/101/locations/loc-9999",
    "/ocpi/cpos/101/locations/loc-05",
    "/ocpi/cpos/101/locations/nonsense",
    "/ocpi/cpos/101/locations/loc-99999999999999999999999999",
    "/ocpi/cpos/102/locations/loc-5",
    "/ocpi/cpos/999/locations/loc-5",
    "/ocpi/cpos/101/locations/jobs/4f6b5e0e-7d1a-4b0a-9c2e-abc123456789",
    "/ocpp/chargers/dep-9999",
    "/ocpp/chargers/nonsense",
    "/ocpp/chargers/dep-9999/status",
    "/ocpp/locations/ocpp-loc-9999/chargers",
    "/ocpp/locations/loc-5/chargers",
    "/no/such/route",
    "/ocpi/cpos/",
]


@pytest.mark.parametrize(("path", "model"), SHAPES)
async def test_a_reply_has_exactly_the_fields_of_its_model(gateway, path, model):
    answer = await gateway.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    model.model_validate(answer.json())


async def test_health_needs_no_token(gateway):
    answer = await gateway.get("/health", headers={"Authorization": ""})

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", UNKNOWN)
async def test_what_is_unknown_is_404_with_a_detail(gateway, path):
    answer = await gateway.get(path)

    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("path", LISTS)
async def test_pages_give_every_row_once_in_a_stable_order(gateway, path):
    join = "&" if "?" in path else "?"
    whole, page = [], 1
    while True:
        body = (await gateway.get(f"{path}{join}page={page}&limit=7")).json()
        assert (body["page"], body["limit"]) == (page, 7)
        if not body["data"]:
            break
        whole += [row.get("id") or row["cpo_id"] for row in body["data"]]
        page += 1

    assert len(whole) == len(set(whole)) == body["total"]
    assert whole == sorted(whole, key=lambda text: int(text.rsplit("-", 1)[-1]))


@pytest.mark.parametrize("path", LISTS)
async def test_a_page_past_the_end_is_empty_with_the_true_total(gateway, path):
    join = "&" if "?" in path else "?"
    total = (await gateway.get(path)).json()["total"]

    for page in (total + 1, 10**30):
        answer = await gateway.get(f"{path}{join}page={page}&limit=100")
        assert answer.status_code == 200
        assert answer.json() == {"data": [], "total": total, "page": page, "limit": 100}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("bad", ["page=0", "page=-1", "page=x", "limit=0", "limit=101", "limit=" + "9" * 30])
async def test_a_window_out_of_bounds_is_422_that_names_the_parameter(gateway, path, bad):
    answer = await gateway.get(f"{path}{'&' if '?' in path else '?'}{bad}")

    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert error["loc"] == ["query", bad.split("=")[0]]
    assert {"msg", "type"} <= set(error)


@pytest.mark.parametrize("path", ["/ocpi/cpos/abc", "/ocpi/cpos/-1/status", "/ocpi/cpos/1x/locations"])
async def test_a_cpo_id_that_is_no_digits_is_422(gateway, path):
    answer = await gateway.get(path)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["path", "cpo_id"]


async def test_a_job_id_that_is_no_uuid_is_422(gateway):
    answer = await gateway.get("/ocpi/cpos/101/locations/jobs/42")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["path", "job_id"]


async def test_the_demo_world_is_listed_with_its_topology(gateway):
    body = (await gateway.get("/ocpi/cpos")).json()

    told = [
        (row["cpo_id"], row["topology"]["locations"], row["topology"]["chargers"]) for row in body["data"]
    ]
    assert told == [("101", 120, 480), ("102", 80, 320), ("103", 50, 200)]
    assert [row["expires_at"] for row in body["data"]] == [None, None, None]


async def test_the_topology_counts_what_the_lists_hold(gateway):
    topology = (await gateway.get("/ocpi/cpos/103")).json()["topology"]
    rows = (await gateway.get("/ocpi/cpos/103/locations?limit=100")).json()["data"]
    units = [unit["id"] for row in rows for unit in row["chargers"]]
    connectors = 0
    for row in rows:
        full = (await gateway.get(f"/ocpp/locations/{row['ocpp_location_id']}/chargers")).json()["data"]
        assert [unit["id"] for unit in full] == [unit["id"] for unit in row["chargers"]]
        connectors += sum(unit["number_of_connectors"] for unit in full)

    assert topology == {
        "locations": len(rows),
        "chargers": len(units),
        "evses": connectors,
        "connectors": connectors,
    }


async def test_a_location_is_the_same_in_its_list_and_alone(gateway):
    [row] = (await gateway.get("/ocpi/cpos/102/locations?limit=1")).json()["data"]

    assert (await gateway.get(f"/ocpi/cpos/102/locations/{row['id']}")).json() == row


async def test_a_summary_shows_four_fields_and_on_some_locations_its_evses(gateway):
    plain = (await gateway.get("/ocpi/cpos/101/locations/loc-1")).json()["chargers"]
    detailed = (await gateway.get("/ocpi/cpos/101/locations/loc-15")).json()["chargers"]

    assert {frozenset(unit) for unit in plain} == {
        frozenset({"id", "identity", "connector_type", "ocpp_version"})
    }
    assert all(unit["evses"] and unit["charge_point_id"] for unit in detailed)
    assert ["topology_default_id" in unit for unit in detailed] == [True, False, False]


async def test_the_report_holds_token_a_and_is_never_cached(gateway):
    answer = await gateway.get("/ocpi/cpos/101/report")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["cpo_id"] == "101"
    assert "Token A: `tok_a_" in answer.json()["markdown"]
    assert "tok_a_" not in (await gateway.get("/ocpi/cpos/101")).text


async def test_chargers_by_id_are_those_of_the_location_only(gateway):
    path = "/ocpp/locations/ocpp-loc-6/chargers"
    every = [row["id"] for row in (await gateway.get(path)).json()["data"]]
    chosen = [every[2], every[0], every[2]]

    body = (await gateway.get(path, params={"charger_ids": chosen})).json()
    assert [row["id"] for row in body["data"]] == [every[0], every[2]]
    assert body["total"] == 2

    second = (await gateway.get(path, params={"charger_ids": every, "limit": 2, "page": 2})).json()
    assert ([row["id"] for row in second["data"]], second["total"]) == (every[2:4], len(every))


@pytest.mark.parametrize("stranger", ["dep-1000", "dep-99999", "nonsense"])
async def test_a_charger_id_of_elsewhere_is_400_and_named(gateway, stranger):
    path = "/ocpp/locations/ocpp-loc-6/chargers"
    own = (await gateway.get(path)).json()["data"][0]["id"]
    answer = await gateway.get(path, params={"charger_ids": [own, stranger]})

    assert answer.status_code == 400
    assert stranger in answer.json()["detail"]
    assert own not in answer.json()["detail"].split(":")[1]


async def test_more_than_100_charger_ids_are_422(gateway):
    answer = await gateway.get(
        "/ocpp/locations/ocpp-loc-6/chargers", params={"charger_ids": [f"dep-{n}" for n in range(101)]}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "charger_ids"]


async def test_chargers_of_an_unknown_location_are_an_empty_list_in_the_tenant_wide_read(gateway):
    body = (await gateway.get("/ocpp/chargers?location_id=ocpp-loc-9999")).json()

    assert (body["data"], body["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("", ["urban-ac-hub", "highway-dc-station", "residential-ac-single", "retail-mixed-park"]),
        ("type=AC", ["urban-ac-hub", "residential-ac-single"]),
        ("type=DC", ["highway-dc-station"]),
        ("type=AC-DC", ["retail-mixed-park"]),
        ("ocpp_version=OCPP1.6", ["urban-ac-hub", "residential-ac-single", "retail-mixed-park"]),
        ("ocpp_version=OCPP2.0.1&type=DC", ["highway-dc-station"]),
    ],
)
async def test_location_templates_are_filtered_by_current_and_version(gateway, query, slugs):
    body = (await gateway.get(f"/ocpp/templates/locations?{query}")).json()

    assert [row["slug"] for row in body["data"]] == slugs
    assert body["total"] == len(slugs)


@pytest.mark.parametrize("query", ["type=XX", "ocpp_version=OCPP3"])
async def test_an_unknown_template_filter_is_422(gateway, query):
    assert (await gateway.get(f"/ocpp/templates/locations?{query}")).status_code == 422


async def test_the_cpo_gallery_is_the_contracts(gateway):
    body = (await gateway.get("/ocpi/templates/cpos")).json()

    assert [(t["slug"], t["version"], t["locations"], t["chargers"]) for t in body["data"]] == [
        ("small-urban-ac", 1, 2, 6),
        ("highway-dc", 1, 3, 6),
        ("mixed-depot", 1, 1, 6),
    ]


async def test_a_wrong_method_and_a_slash_at_the_end_get_the_same_error_shape(gateway):
    answer = await gateway.put("/ocpi/cpos/101")

    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


async def test_the_openapi_document_tells_bounds_and_every_error(gateway):
    document = (await gateway.get("/openapi.json")).json()
    listing = document["paths"]["/ocpi/cpos/{cpo_id}/locations"]["get"]
    limit = next(p for p in listing["parameters"] if p["name"] == "limit")["schema"]

    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 50)
    assert set(listing["responses"]) == {"200", "400", "401", "403", "404", "422", "500"}
    posting = document["paths"]["/ocpi/cpos/{cpo_id}/locations"]["post"]
    assert set(posting["responses"]) == {
        *("202", "400", "401", "403", "404", "409", "413", "422", "500", "503"),
    }
    assert document["components"]["securitySchemes"]


async def test_the_documentation_page_names_every_route_and_loads_nothing(gateway):
    page = (await gateway.get("/docs")).text
    document = (await gateway.get("/openapi.json")).json()

    assert all(path in page for path in document["paths"])
    assert "<script" not in page
    assert "src=" not in page
    assert "<link" not in page
