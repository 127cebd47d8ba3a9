"""
GatewayClient against the contract: the sandbox, and a real gateway when CONTRACT_GATEWAY_URL and
CONTRACT_GATEWAY_TOKEN are set (it is written to only with CONTRACT_ALLOW_WRITES=1).
"""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest

from ocpplab_graphql.errors import BadUserInput, Unauthenticated
from ocpplab_graphql.gateway.client import Credentials, Gateway, GatewayClient
from ocpplab_graphql.gateway.decode import Invalid, decode, decode_listing, decode_log_page, decode_page
from ocpplab_graphql.gateway.errors import (
    Complaint,
    GatewayForbidden,
    GatewayInvalidResponse,
    GatewayNotFound,
    GatewayOutcomeUnknown,
    GatewayRateLimited,
    GatewayRejected,
    GatewayUnauthorized,
    GatewayUnavailable,
)
from ocpplab_graphql.gateway.records import (
    ChargerLogRecord,
    ChargerRecord,
    CPORecord,
    CPOTemplateRecord,
    JobAcceptedRecord,
    JobRecord,
    LocationRecord,
    LocationTemplateRecord,
    ProvisioningRecord,
    ReportRecord,
)
from ocpplab_graphql.gateway.transport import HttpxTransport, Reply
from tests.conftest import Wire

REAL_URL, REAL_TOKEN = os.environ.get("CONTRACT_GATEWAY_URL"), os.environ.get("CONTRACT_GATEWAY_TOKEN")
REAL = ["real"] if REAL_URL and REAL_TOKEN else []
WRITABLE = REAL if os.environ.get("CONTRACT_ALLOW_WRITES") == "1" else []
DEMO = Credentials("Bearer demo")


def gateway_of(wire: Wire) -> Gateway:
    return Gateway("http://sandbox", wire, max_concurrency=8)


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[GatewayClient]:
    if request.param == "sandbox":
        yield gateway_of(request.getfixturevalue("wire")).client(DEMO, timeout_s=30)
        return
    transport = HttpxTransport.remote(connections=8, max_body_bytes=2**24)
    credentials = Credentials(f"Bearer {REAL_TOKEN}", os.environ.get("CONTRACT_ORGANIZATION_ID"))
    yield Gateway(str(REAL_URL), transport, max_concurrency=8).client(credentials, timeout_s=30)
    await transport.aclose()


reads = pytest.mark.parametrize("client", ["sandbox", *REAL], indirect=True)
writes = pytest.mark.parametrize("client", ["sandbox", *WRITABLE], indirect=True)


@pytest.fixture(autouse=True)
def _sandbox_is_up(sandbox):
    """Started in the test's own loop, before anybody asks for a wire to it."""


def whole(record: object) -> bool:
    return not any(type(getattr(record, name)) is Invalid for name in record.__struct_fields__)


async def first_cpo(client: GatewayClient) -> str:
    [row] = decode_page((await client.list_cpos(1, 1)).body, CPORecord, page=1, limit=1).data
    return row.cpo_id


async def first_location(client: GatewayClient, cpo_id: str) -> LocationRecord:
    [row] = decode_page(
        (await client.list_locations(cpo_id, 1, 1)).body, LocationRecord, page=1, limit=1
    ).data
    return row


async def first_charger(client: GatewayClient) -> ChargerRecord:
    [row] = decode_page((await client.list_chargers(None, 1, 1)).body, ChargerRecord, page=1, limit=1).data
    return row


@reads
async def test_cpos_are_listed_and_read(client):
    cpo_id = await first_cpo(client)

    found = decode((await client.cpo(cpo_id)).body, CPORecord)
    assert (found.cpo_id, whole(found)) == (cpo_id, True)
    assert whole(decode((await client.cpo_status(cpo_id)).body, ProvisioningRecord))
    assert decode((await client.cpo_report(cpo_id)).body, ReportRecord).markdown


@reads
async def test_locations_are_listed_and_read(client):
    cpo_id = await first_cpo(client)
    listed = await first_location(client, cpo_id)

    read = decode((await client.location(cpo_id, listed.id)).body, LocationRecord)
    assert whole(read)
    assert (read.id, read.name, read.ocpp_location_id) == (listed.id, listed.name, listed.ocpp_location_id)


@reads
async def test_a_page_past_the_end_is_empty_and_tells_the_true_total(client):
    first = decode_page((await client.list_cpos(1, 1)).body, CPORecord, page=1, limit=1)
    past = decode_page((await client.list_cpos(9999, 100)).body, CPORecord, page=9999, limit=100)

    assert (past.data, past.total) == ([], first.total)


@reads
async def test_chargers_are_listed_and_read(client):
    listed = await first_charger(client)

    read = decode((await client.charger(listed.id)).body, ChargerRecord)
    assert (read, whole(read)) == (listed, True)
    assert whole(decode((await client.charger_status(listed.id)).body, ProvisioningRecord))
    logs = decode_log_page(
        (await client.charger_logs(listed.id, 0, 5)).body, ChargerLogRecord, offset=0, limit=5
    )
    assert all(map(whole, logs.data))


@reads
async def test_chargers_of_one_location_are_read_by_their_ids(client):
    listed = await first_charger(client)

    body = (await client.location_chargers(listed.location_id, (listed.id,))).body
    page = decode_page(body, ChargerRecord, page=1, limit=100)
    assert page.data == [listed]
    of_location = (await client.list_chargers(listed.location_id, 1, 100)).body
    rows = decode_page(of_location, ChargerRecord, page=1, limit=100).data
    assert {row.location_id for row in rows} == {listed.location_id}


@reads
async def test_templates_are_listed(client):
    cpos = decode_listing((await client.cpo_templates()).body, CPOTemplateRecord).data
    every = decode_listing((await client.location_templates(None, None)).body, LocationTemplateRecord).data
    dc = decode_listing((await client.location_templates("DC", "OCPP1.6")).body, LocationTemplateRecord).data

    assert all(map(whole, [*cpos, *every]))
    assert {t.slug for t in dc} <= {t.slug for t in every}
    assert {t.type for t in dc} <= {"DC"}


@reads
async def test_what_does_not_exist_is_not_found(client):
    cpo_id = await first_cpo(client)
    for read in (
        client.cpo("999999999"),
        client.list_locations("999999999", 1, 1),
        client.location(cpo_id, "loc-nowhere"),
        client.location_job(cpo_id, str(uuid4())),
        client.charger("dep-nowhere"),
    ):
        with pytest.raises(GatewayNotFound):
            await read


@reads
@pytest.mark.parametrize(("page", "limit"), [(0, 10), (1, 101), (1, 0)])
async def test_a_page_out_of_range_is_rejected(client, page, limit):
    with pytest.raises(GatewayRejected) as rejected:
        await client.list_cpos(page, limit)

    assert rejected.value.status == 422
    assert [complaint.loc[0] for complaint in rejected.value.complaints] == ["query"]


@writes
async def test_locations_are_created_by_a_job(client):
    cpo_id = await first_cpo(client)
    body = msgspec.json.encode(
        {"locations": [{"template": "urban-ac-hub", "overrides": {"name": "Contract"}}]}
    )

    accepted = decode((await client.create_locations(cpo_id, body, str(uuid4()))).body, JobAcceptedRecord)
    job = decode((await client.location_job(cpo_id, accepted.job_id)).body, JobRecord)

    assert (job.job_id, whole(job)) == (accepted.job_id, True)


@writes
async def test_a_bulk_creation_that_is_malformed_says_where(client):
    with pytest.raises(GatewayRejected) as rejected:
        await client.create_locations(await first_cpo(client), b'{"locations": [{"name": "x"}]}')

    assert rejected.value.status in {400, 422}


async def test_the_callers_headers_are_passed_on_exactly_and_nothing_is_added(wire):
    wire.answer = lambda *_: Reply(200, {}, b"{}")
    gateway = gateway_of(wire)

    await gateway.client(Credentials("bearer  X=="), timeout_s=5).cpo("101")
    await gateway.client(Credentials("Basic y", "org"), timeout_s=5).create_locations("101", b"{}", "key")

    assert wire.headers == [
        {"Accept": "application/json", "Authorization": "bearer  X=="},
        {
            "Accept": "application/json",
            "Authorization": "Basic y",
            "X-Organization-Id": "org",
            "Content-Type": "application/json",
            "Idempotency-Key": "key",
        },
    ]


async def test_without_a_token_nothing_is_sent(wire):
    with pytest.raises(Unauthenticated):
        await gateway_of(wire).client(Credentials(None, "org"), timeout_s=5).list_cpos(1, 1)

    assert wire.sent == []


async def test_an_id_that_can_be_none_is_refused_before_anything_is_sent(wire):
    with pytest.raises(BadUserInput):
        await gateway_of(wire).client(DEMO, timeout_s=5).charger("..")

    assert wire.sent == []


def test_credentials_show_nothing():
    assert repr(Credentials("Bearer secret", "org-secret")) == "Credentials()"


async def test_an_unknown_token_and_a_missing_organization_are_told_apart(wire):
    gateway = gateway_of(wire)
    with pytest.raises(GatewayUnauthorized):
        await gateway.client(Credentials("Bearer nobody"), timeout_s=5).list_cpos(1, 1)
    with pytest.raises(GatewayForbidden):
        await gateway.client(Credentials("Bearer demo", str(uuid4())), timeout_s=5).list_cpos(1, 1)
    with pytest.raises(GatewayRejected) as rejected:
        await gateway.client(Credentials("Bearer admin"), timeout_s=5).list_cpos(1, 1)
    assert rejected.value.status == 400


@pytest.mark.parametrize(
    ("status", "of_read", "of_write"),
    [
        (400, GatewayRejected, GatewayRejected),
        (401, GatewayUnauthorized, GatewayUnauthorized),
        (403, GatewayForbidden, GatewayForbidden),
        (404, GatewayNotFound, GatewayNotFound),
        (409, GatewayRejected, GatewayRejected),
        (422, GatewayRejected, GatewayRejected),
        (429, GatewayRateLimited, GatewayRateLimited),
        (500, GatewayUnavailable, GatewayOutcomeUnknown),
        (502, GatewayUnavailable, GatewayOutcomeUnknown),
        (503, GatewayUnavailable, GatewayUnavailable),
        (504, GatewayUnavailable, GatewayOutcomeUnknown),
        (302, GatewayInvalidResponse, GatewayInvalidResponse),
        (418, GatewayInvalidResponse, GatewayInvalidResponse),
    ],
)
async def test_a_status_means_this_error(wire, status, of_read, of_write):
    wire.answer = lambda *_: Reply(status, {"retry-after": "7"}, b'{"detail": "why"}')
    client = gateway_of(wire).client(DEMO, timeout_s=5)

    with pytest.raises(of_read) as read:
        await client.cpo("101")
    with pytest.raises(of_write) as write:
        await client.create_locations("101", b"{}")

    assert (type(read.value), type(write.value)) == (of_read, of_write)
    assert read.value.retry_after_ms == (7000 if status == 429 or status >= 500 else None)
    assert [call.status for call in client.calls] == [status, status]
    assert len(wire.sent) == 2


async def test_the_gateways_own_words_come_with_a_rejection_only(wire):
    client = gateway_of(wire).client(DEMO, timeout_s=5)
    wire.answer = lambda *_: Reply(400, {}, b'{"detail": "Unknown template."}')
    with pytest.raises(GatewayRejected) as rejected:
        await client.cpo("101")
    wire.answer = lambda *_: Reply(500, {}, b'{"detail": "Traceback: secret"}')
    with pytest.raises(GatewayUnavailable) as failed:
        await client.cpo("101")

    assert rejected.value.message == "Unknown template."
    assert rejected.value.complaints == (Complaint((), "Unknown template."),)
    assert failed.value.message == "The gateway failed with status 500."


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("0", 0),
        ("120", 120_000),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("9999999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", None),
    ],
)
async def test_retry_after_is_taken_when_it_is_whole_seconds_or_a_date(wire, header, wait_ms):
    wire.answer = lambda *_: Reply(429, {"retry-after": header}, b"")

    with pytest.raises(GatewayRateLimited) as limited:
        await gateway_of(wire).client(DEMO, timeout_s=5).cpo("101")

    assert limited.value.retry_after_ms == wait_ms


async def test_no_more_calls_than_allowed_are_under_way_at_once(wire):
    under_way = most = 0

    class Counting:
        async def send(self, *_):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return Reply(200, {}, b"{}")

    client = Gateway("http://x", Counting(), max_concurrency=3).client(DEMO, timeout_s=5)
    await asyncio.gather(*(client.charger(f"dep-{n}") for n in range(20)))

    assert most == 3
