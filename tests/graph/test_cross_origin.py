"""Which pages of other origins may use the service, and why none can act with somebody else's rights."""

import pytest

from ocpplab_graphql.settings import Settings, SettingsError
from tests.conftest import facade

APP = "https://app.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
PING = '{"query":"{ __typename }"}'


async def asked(graphql, origin, path="/graphql"):
    return await graphql.http.options(path, headers={"origin": origin, **PREFLIGHT})


async def posted(graphql, origin):
    headers = {"content-type": "application/json"} | ({"origin": origin} if origin else {})
    return await graphql.http.post("/graphql", content=PING, headers=headers)


async def test_by_default_no_other_origin_is_allowed(graphql):
    preflight, answer = await asked(graphql, APP), await posted(graphql, APP)

    assert (preflight.status_code, answer.status_code) == (405, 200)
    assert not [name for name in (*preflight.headers, *answer.headers) if name.startswith("access-control")]


async def test_a_listed_origin_may_send_and_read(wire):
    async with facade(wire, cors_origins=f"{APP}, http://localhost:3000") as graphql:
        preflight, answer = await asked(graphql, APP), await posted(graphql, APP)
        local = await posted(graphql, "http://localhost:3000")
        sdl = await graphql.http.get("/schema.graphql", headers={"origin": APP})

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == APP
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    for name in ("Authorization", "Content-Type", "X-Organization-Id", "X-Request-Timeout"):
        assert name in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == APP
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert local.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert sdl.headers["access-control-allow-origin"] == APP
    assert "access-control-allow-credentials" not in {*preflight.headers, *answer.headers}


async def test_an_origin_that_is_not_listed_is_told_so_and_cannot_read(wire):
    async with facade(wire, cors_origins=APP) as graphql:
        for origin in (
            "https://evil.example",
            "https://app.example.evil.example",
            "null",
            "http://app.example",
        ):
            preflight, answer = await asked(graphql, origin), await posted(graphql, origin)

            assert preflight.status_code == 403
            assert preflight.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
            assert "access-control-allow-origin" not in {*preflight.headers, *answer.headers}


async def test_every_answer_says_that_it_depends_on_the_origin(wire):
    async with facade(wire, cors_origins=APP) as graphql:
        answers = [await posted(graphql, origin) for origin in (None, APP, "https://evil.example")]

    assert all("Origin" in answer.headers["vary"] for answer in answers)


async def test_any_origin_is_allowed_only_when_it_is_said(wire):
    async with facade(wire, cors_origins="*") as graphql:
        preflight, answer = await asked(graphql, APP), await posted(graphql, APP)

    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "value", ["app.example", f"{APP}/", f"{APP}/path", "https://*.example", "https://a b"]
)
def test_what_is_no_origin_is_told_at_start(value):
    with pytest.raises(SettingsError, match="OCPPLAB_CORS_ORIGINS"):
        Settings.load({}, cors_origins=value)


@pytest.mark.parametrize("origins", [None, APP, "*"])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain;application/json",
        "",
    ],
)
async def test_a_form_or_a_request_without_preflight_writes_nothing(wire, origins, content_type):
    mutation = '{"query":"mutation { deleteCPO(input: {cpoId: \\"101\\"}) { deletedId } }"}'
    headers = {"content-type": content_type, "origin": "https://evil.example", "authorization": "Bearer demo"}
    async with facade(wire, cors_origins=origins) as graphql:
        by_post = await graphql.http.post("/graphql", content=mutation, headers=headers)
        by_get = await graphql.http.get(
            "/graphql", params={"query": 'mutation { deleteCPO(input: {cpoId: "101"}) { deletedId } }'}
        )

    assert (by_post.status_code, by_get.status_code, wire.sent) == (415, 405, [])


async def test_a_list_of_operations_is_refused_clearly(graphql):
    for body in ("[]", f"[{PING},{PING}]"):
        answer = await graphql.http.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )

        assert answer.status_code == 400
        assert "one operation a request" in answer.json()["errors"][0]["message"]
