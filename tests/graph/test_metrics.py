"""What a process counts, for whoever watches it."""

from tests.conftest import facade

QUERY = '{ cpo(cpoId: "101") { namePrefix } }'


async def test_nobody_is_told_anything_unless_it_is_set(graphql):
    assert (await graphql.http.get("/metrics")).status_code == 404


async def test_queries_and_documents_are_counted(wire):
    async with facade(wire, metrics=True, compile_after=2) as graphql:
        for _ in range(3):
            await graphql(QUERY)
        response = await graphql.http.get("/metrics")

    lines = response.text.splitlines()
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'ocpplab_queries_total{execution="cold"} 1' in lines
    assert 'ocpplab_queries_total{execution="compiled"} 2' in lines
    assert 'ocpplab_documents_total{cache="hit"} 2' in lines
    assert 'ocpplab_documents_total{cache="miss"} 1' in lines
    assert "ocpplab_documents_kept 1" in lines
    assert 'ocpplab_operations{state="running"} 0' in lines
    assert 'ocpplab_gateway_calls{state="in_flight"} 0' in lines
    assert "ocpplab_gateway_breaker_open 0" in lines
