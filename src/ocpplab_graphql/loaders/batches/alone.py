"""Reads that have no list form: one call for each key."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import decode, decode_listing
from ocpplab_graphql.gateway.errors import GatewayNotFound
from ocpplab_graphql.gateway.records import (
    CPOTemplateRecord,
    JobRecord,
    LocationTemplateRecord,
    ProvisioningRecord,
    Record,
    ReportRecord,
)
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.loaders.store import Store, together

R = TypeVar("R", bound=Record)


def _one_by_one(read: Callable[[Store, GatewayClient, Any], Awaitable[Any]]) -> Any:
    """The batch function of reads that cannot be joined: side by side, each failing alone."""

    async def batch(store: Store, client: GatewayClient, keys: Sequence[Any]) -> Sequence[Any]:
        async def outcome(key: Any) -> Any:
            try:
                return await read(store, client, key)
            except GatewayNotFound:
                return None
            except FacadeError as error:
                return error

        return await together([outcome(key) for key in keys])

    return batch


async def _cpo_provisioning(store: Store, client: GatewayClient, cpo_id: str) -> ProvisioningRecord:
    return _decoded(
        store,
        await store.reply(client.cpo_status, cpo_id, asked=[("cpo_provisioning", cpo_id)]),
        ProvisioningRecord,
    )


async def _charger_provisioning(store: Store, client: GatewayClient, charger_id: str) -> ProvisioningRecord:
    return _decoded(
        store,
        await store.reply(client.charger_status, charger_id, asked=[("charger_provisioning", charger_id)]),
        ProvisioningRecord,
    )


async def _cpo_report(store: Store, client: GatewayClient, cpo_id: str) -> ReportRecord:
    return _decoded(
        store, await store.reply(client.cpo_report, cpo_id, asked=[("cpo_report", cpo_id)]), ReportRecord
    )


async def _job(store: Store, client: GatewayClient, key: tuple[str, str]) -> JobRecord:
    reply = await store.reply(client.location_job, *key, asked=[("job_by_id", key)])
    return decode(reply.body, JobRecord, store.spoilt, key=key[1])


async def _cpo_templates(store: Store, client: GatewayClient, key: tuple[()]) -> Any:
    reply = await store.reply(client.cpo_templates, asked=[("cpo_templates", key)])
    rows = decode_listing(reply.body, CPOTemplateRecord, store.spoilt).data
    store.brought(len(rows), client.cpo_templates)
    return rows


async def _location_templates(store: Store, client: GatewayClient, key: tuple[str | None, str | None]) -> Any:
    reply = await store.reply(client.location_templates, *key, asked=[("location_templates", key)])
    rows = decode_listing(reply.body, LocationTemplateRecord, store.spoilt).data
    store.brought(len(rows), client.location_templates, *key)
    return rows


def _decoded(store: Store, reply: Reply, record: type[R]) -> R:
    return decode(reply.body, record, store.spoilt)


cpo_provisioning = _one_by_one(_cpo_provisioning)
charger_provisioning = _one_by_one(_charger_provisioning)
cpo_report = _one_by_one(_cpo_report)
jobs = _one_by_one(_job)
cpo_templates = _one_by_one(_cpo_templates)
location_templates = _one_by_one(_location_templates)
