"""What a node is: a global id, a key in the gateway's ids, and the records at hand."""

from collections.abc import Mapping
from typing import Any, ClassVar

import strawberry
from strawberry import ID, Private

from ocpplab_graphql.execution.bindings import GlobalId, Source
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.schema.fields import global_id as global_id_field
from ocpplab_graphql.schema.ids import is_plain, spelt_part


def gid(type_name: str) -> Any:
    """The global id of a node of this type."""
    return global_id_field(
        GlobalId(type_name, spelt_part, is_plain),
        description=f"Global id, the same by every path; `node(id:)` takes it. Readable text such as "
        f"`{_EXAMPLES[type_name]}`. Costs no call.",
    )


_EXAMPLES = {
    "CPO": "CPO:101",
    "Location": "Location:101:loc-42",
    "Charger": "Charger:dep-7",
    "BulkLocationJob": "BulkLocationJob:101:4f6b5e0e-7d1a-4b0a-9c2e-abc123456789",
    "Provisioning": "Provisioning:CPO:101",
}


@strawberry.interface(description="Anything with a global id. `node(id:)` and `nodes(ids:)` read it again.")
class Node:
    """
    A thing of the gateway: its key, and what of it has been read.

    Attributes:
        key: what tells it from others of its type, in the gateway's own ids.
        rows: the records at hand, by their type.
        sources: where each of its records comes from.
    """

    sources: ClassVar[Mapping[type[Record], Source]] = {}

    key: Private[tuple[str, ...]]
    rows: Private[dict[type[Record], Any]]

    id: ID = strawberry.field(description="Global id, the same by every path.")
