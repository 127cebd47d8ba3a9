"""
One node by its key: does it exist, and at what least cost?

A node exists when its own record can be read, or when something selected below it proves it.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from graphql import GraphQLError

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.execution.bindings import Many, Single, Value, reads
from ocpplab_graphql.execution.selection import Selected, arguments, selected_fields, selects
from ocpplab_graphql.gateway.errors import GatewayNotFound
from ocpplab_graphql.gateway.records import (
    ProvisioningRecord,
    Record,
)
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.fields import ROWS, load_row, window_of
from ocpplab_graphql.schema.provisioning import Provisioning
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Charger, Location

_NODES = {of_type.__name__: of_type for of_type in (CPO, Location, Charger, BulkLocationJob)}


async def node_by_key(type_name: str, key: tuple[str, ...], info: Info) -> Any:
    """
    The node with this key; None if it does not exist.

    Raises:
        GatewayError: whether it exists could not be found out.
    """
    if type_name == "Provisioning":
        return await _provisioning(key, info)
    node = _NODES[type_name](key=key, rows={})
    own = next(iter(node.sources))
    selected = selected_fields(info._raw_info, type_name)
    proofs = (
        [] if any(reads(field.binding, own) for field in selected) else _proofs(node, own, selected, info)
    )
    outcomes = await asyncio.gather(*proofs, return_exceptions=True)
    if any(outcome is None or isinstance(outcome, GatewayNotFound) for outcome in outcomes):
        return None
    if all(isinstance(outcome, BaseException) for outcome in outcomes):
        # Nothing below could tell, or nothing was asked.
        return node if await load_row(node, own, info) is not None else None
    return node


async def _provisioning(key: tuple[str, ...], info: Info) -> Provisioning | None:
    owner = {"CPO": CPO, "Charger": Charger}[key[0]](key=key[1:], rows={})
    row = await load_row(owner, ProvisioningRecord, info)
    return None if row is None else Provisioning(key=key, rows={ProvisioningRecord: row})


def _proofs(node: Any, own: type[Record], selected: list[Selected], info: Info) -> list[Awaitable[Any]]:
    """Reads that the selection makes anyhow, and whose 404 means this node. They are made once."""
    found = [_proof(node, own, field, info) for field in selected]
    return [proof for proof in found if proof is not None]


def _proof(node: Any, own: type[Record], field: Selected, info: Info) -> Awaitable[Any] | None:
    match field.binding:
        case Many(proves=True) as binding:
            try:
                given = arguments(field, info._raw_info)
                wanted = window_of(binding, node, info, given, rows=_wants_rows(field, info))
            except (FacadeError, GraphQLError):
                return None
            return info.context.loaders.load("window", wanted, info.path)
        case Single(record=record) | Value(record=record) if record in node.sources and record is not own:
            return load_row(node, record, info)
    return None


def _wants_rows(field: Selected, info: Info) -> bool:
    below = info._raw_info._replace(field_nodes=[field.node])
    return selects(below, *ROWS)
