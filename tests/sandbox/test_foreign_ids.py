"""Every route of the document with every kind of foreign id: nothing of another tenant is seen or touched."""

import re

import pytest

OTHER = {"Authorization": "Bearer org-stranger"}
STRANGER = {"Authorization": "Bearer admin", "X-Organization-Id": "00000000-0000-4000-8000-000000000001"}

# What a body must be like for the request to be about the id.
BODIES = {
    ("post", "/ocpi/cpos/{cpo_id}/locations"): {"locations": [{"template": "urban-ac-hub"}]},
    ("patch", "/ocpi/cpos/{cpo_id}/locations/{location_id}"): {"name": "Mine"},
}
# The contract gives these no 404: an unknown id is a success that does nothing, or an empty list.
SILENT = {("delete", "/ocpi/cpos/{cpo_id}"): 204, ("get", "/ocpp/chargers/{charger_id}/logs"): 200}


async def own_ids(gateway, job):
    """Each id parameter of the document with an id of the demo organization."""
    location = (await gateway.get("/ocpi/cpos/101/locations?limit=1")).json()["data"][0]
    return {
        "cpo_id": "101",
        "location_id": location["id"],
        "job_id": job,
        "charger_id": location["chargers"][0]["id"],
        "ocpp_location_id": location["ocpp_location_id"],
    }


@pytest.mark.parametrize("headers", [OTHER, STRANGER], ids=["user", "admin"])
async def test_no_route_with_any_foreign_id_shows_or_changes_anything(gateway, item, finished, headers):
    accepted = (await gateway.post("/ocpi/cpos/101/locations", json={"locations": [item()]})).json()
    await finished(gateway, accepted["status_url"])
    ids = await own_ids(gateway, accepted["job_id"])
    document = (await gateway.get("/openapi.json")).json()
    before = await everything(gateway)
    tried = []
    for path, operations in document["paths"].items():
        if "{" not in path:
            continue
        for method in operations:
            target = re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)
            body = BODIES.get((method, path))
            answer = await gateway.request(method.upper(), target, json=body, headers=headers)
            tried.append((method, path))
            expected = SILENT.get((method, path), 404)
            assert answer.status_code == expected, (method, target, answer.text)
            if expected == 200:
                assert answer.json()["total"] == 0
            # An id of nobody is answered in the same words.
            nobody = re.sub(r"\{(\w+)\}", lambda found: NOBODY[found[1]], path)
            unknown = await gateway.request(method.upper(), nobody, json=body, headers=headers)
            assert unknown.status_code == answer.status_code

    listed = await gateway.get(f"/ocpp/chargers?location_id={ids['ocpp_location_id']}", headers=headers)
    assert listed.json()["total"] == 0
    assert await everything(gateway) == before
    assert len(tried) == 14


NOBODY = {
    "cpo_id": "987654",
    "location_id": "loc-987654",
    "job_id": "00000000-0000-4000-8000-00000000dead",
    "charger_id": "dep-987654",
    "ocpp_location_id": "ocpp-loc-987654",
}


async def everything(gateway):
    paths = ["/ocpi/cpos", "/ocpi/cpos/101/locations?limit=100", "/ocpp/chargers?limit=100"]
    return [(await gateway.get(path)).json() for path in paths]


async def test_ids_of_one_cpo_are_404_under_another_of_the_same_tenant(gateway, item, finished):
    accepted = (await gateway.post("/ocpi/cpos/101/locations", json={"locations": [item()]})).json()
    await finished(gateway, accepted["status_url"])
    ids = await own_ids(gateway, accepted["job_id"])

    for path in (f"/locations/{ids['location_id']}", f"/locations/jobs/{ids['job_id']}"):
        assert (await gateway.get(f"/ocpi/cpos/102{path}")).status_code == 404
        assert (await gateway.get(f"/ocpi/cpos/101{path}")).status_code == 200
