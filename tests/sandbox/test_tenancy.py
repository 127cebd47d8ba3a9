"""Tokens, and that nobody sees what is somebody else's."""

import uuid

import pytest

ONLY_READS = True

DEMO = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"
ADMIN = {"Authorization": "Bearer admin"}
OTHER = {"Authorization": "Bearer org-other"}

TENANT_ROUTES = [
    "/ocpi/cpos",
    "/ocpi/cpos/101",
    "/ocpi/cpos/101/status",
    "/ocpi/cpos/101/report",
    "/ocpi/cpos/101/locations",
    "/ocpi/cpos/101/locations/loc-1",
    "/ocpi/cpos/101/locations/jobs/4f6b5e0e-7d1a-4b0a-9c2e-abc123456789",
    "/ocpp/chargers",
    "/ocpp/chargers/dep-1",
    "/ocpp/chargers/dep-1/status",
    "/ocpp/chargers/dep-1/logs",
    "/ocpp/locations/ocpp-loc-1/chargers",
]
TEMPLATE_ROUTES = ["/ocpi/templates/cpos", "/ocpp/templates/locations"]

FOREIGN = [
    path
    for path in TENANT_ROUTES
    if path not in ("/ocpi/cpos", "/ocpp/chargers", "/ocpp/chargers/dep-1/logs")
]


@pytest.mark.parametrize("path", TENANT_ROUTES + TEMPLATE_ROUTES)
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer nobody", "Basic demo", "Bearer org-", "Bearer org-a/b", "demo"]
)
async def test_a_missing_or_unknown_token_is_401(gateway, path, header):
    answer = await gateway.get(path, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json() == {"detail": "missing or invalid token"}
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", FOREIGN)
async def test_an_id_of_another_tenant_is_404(gateway, path):
    assert (await gateway.get(path, headers=OTHER)).status_code == 404
    stranger = {**ADMIN, "X-Organization-Id": str(uuid.uuid4())}
    assert (await gateway.get(path, headers=stranger)).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/ocpi/cpos", "/ocpp/chargers", "/ocpp/chargers?location_id=ocpp-loc-1", "/ocpp/chargers/dep-1/logs"],
)
async def test_a_list_of_another_tenant_is_empty(gateway, path):
    body = (await gateway.get(path, headers=OTHER)).json()

    assert (body["data"], body["total"]) == ([], 0)


@pytest.mark.parametrize("path", TENANT_ROUTES)
async def test_an_admin_must_name_an_organization(gateway, path):
    answer = await gateway.get(path, headers=ADMIN)

    assert answer.status_code == 400
    assert "X-Organization-Id" in answer.json()["detail"]


@pytest.mark.parametrize("path", TEMPLATE_ROUTES)
async def test_an_admin_needs_no_organization_for_templates(gateway, path):
    assert (await gateway.get(path, headers=ADMIN)).status_code == 200


@pytest.mark.parametrize("path", TENANT_ROUTES)
async def test_an_admin_sees_what_the_organization_sees(gateway, path):
    mine = await gateway.get(path)
    picked = await gateway.get(path, headers={**ADMIN, "X-Organization-Id": DEMO})

    assert (picked.status_code, picked.content) == (mine.status_code, mine.content)


@pytest.mark.parametrize("path", TENANT_ROUTES + TEMPLATE_ROUTES)
async def test_a_user_token_with_an_organization_header_is_403(gateway, path):
    for token in ("demo", "org-other"):
        headers = {"Authorization": f"Bearer {token}", "X-Organization-Id": DEMO}
        assert (await gateway.get(path, headers=headers)).status_code == 403


async def test_an_organization_header_that_is_no_uuid_is_422(gateway):
    answer = await gateway.get("/ocpi/cpos", headers={**ADMIN, "X-Organization-Id": "acme"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "x-organization-id"]
