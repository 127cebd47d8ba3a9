"""What can be read, from the root."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry import ID, UNSET

from ocpplab_graphql.errors import FacadeError, NotFound
from ocpplab_graphql.execution.bindings import BINDING, Gallery, Lookup, Many, RowNode
from ocpplab_graphql.gateway.decode import checked
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
    CPORecord,
    CPOTemplateRecord,
    LocationTemplateRecord,
)
from ocpplab_graphql.gateway.routes import check_id
from ocpplab_graphql.loaders.lists import Chargers, CPOs
from ocpplab_graphql.schema.connections import After, Before, Connection, First, Last, Paging
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.enums import CurrentType
from ocpplab_graphql.schema.fields import connection, many
from ocpplab_graphql.schema.ids import cpo_key, key_below_cpo, key_of_argument, parse_global_id
from ocpplab_graphql.schema.lookup import node_by_key
from ocpplab_graphql.schema.node import Node
from ocpplab_graphql.schema.rules import GraphRules
from ocpplab_graphql.schema.templates import CPOTemplate, LocationTemplate
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Charger, Location

_RULES = GraphRules()

_CHARGERS = Many(
    lambda _root, given: Chargers(_place(given.get("ocppLocationId"))),
    RowNode(ChargerRecord, lambda: Charger),
)


def _place(ocpp_location_id: str | None) -> str | None:
    return None if ocpp_location_id is None else check_id(ocpp_location_id, "ocppLocationId")


def _current(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    kind = given.get("currentType")
    return (
        str(kind.value) if isinstance(kind, CurrentType) else kind,
        given.get("ocppVersion") or None,
    )


_NODE = Lookup("id", lambda _given, one: parse_global_id(one))
_NODES = Lookup("ids", lambda _given, one: parse_global_id(one), many=True)
_CPO = Lookup("cpoId", lambda _given, one: ("CPO", (cpo_key(one),)), "CPO")
_LOCATION = Lookup(
    "locationId",
    lambda given, one: ("Location", key_below_cpo(given.get("cpoId") or None, one, "Location", "locationId")),
    "Location",
)
_CHARGER = Lookup(
    "chargerId", lambda _given, one: ("Charger", key_of_argument(one, "Charger", "chargerId")), "Charger"
)
_JOB = Lookup(
    "jobId",
    lambda given, one: (
        "BulkLocationJob",
        key_below_cpo(given.get("cpoId") or None, one, "BulkLocationJob", "jobId"),
    ),
    "BulkLocationJob",
)
_CPO_TEMPLATES = Gallery("GET /ocpi/templates/cpos", "cpo_templates", lambda _given: (), CPOTemplateRecord)
_LOCATION_TEMPLATES = Gallery(
    "GET /ocpp/templates/locations", "location_templates", _current, LocationTemplateRecord
)

CPOId = Annotated[
    ID, strawberry.argument(description="The gateway's own id, such as 101, or the global id of a CPO.")
]
OptionalCPOId = Annotated[
    ID | None,
    strawberry.argument(
        description="The CPO that it belongs to: the gateway's own id or a global id. May be left out beside a "
        "global id, and must agree with it if given."
    ),
]
JobId = Annotated[
    ID,
    strawberry.argument(
        description="The gateway's own id (then `cpoId` is needed), or the global id of a BulkLocationJob."
    ),
]


async def _found(lookup: Lookup, one: str, info: Info, **given: Any) -> Any:
    return await node_by_key(*lookup.key(given, one), info)


async def _gallery(gallery: Gallery, given: Mapping[str, Any], info: Info, what: str) -> list[Any]:
    rows = await info.context.loaders.load(gallery.loader, gallery.key(given), info.path)
    if rows is None:
        raise NotFound(f"The gateway knows no {what}s.")
    return [checked(row, what) for row in rows]


@strawberry.type(
    description="Everything that can be read. A lookup that finds nothing is null, without an error."
)
class Query:
    """The table of contents of reading."""

    @strawberry.field(
        description="Any node by its global id; null if it does not exist. One call at most.",
        metadata={BINDING: _NODE},
    )
    async def node(
        self,
        info: Info,
        id: Annotated[ID, strawberry.argument(description="A global id, such as Location:101:loc-42.")],  # noqa: A002
    ) -> Node | None:
        """See lookup."""
        return await _found(_NODE, id, info)  # type: ignore[no-any-return]

    @strawberry.field(
        description="Many nodes by their global ids, in the order of the ids; null for one that does not exist, "
        "null with an error for an id that can be none. Read together, in as few calls as their lists allow.",
        metadata={BINDING: _NODES},
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[ID], strawberry.argument(description="Up to 500 global ids.")],
    ) -> list[Node | None]:
        """Each id fails alone."""
        _RULES.check_ids(ids, info.context.limits)

        async def found(global_id: str) -> Any:
            try:
                return await _found(_NODES, global_id, info)
            except FacadeError as error:
                return error

        return list(await asyncio.gather(*(found(global_id) for global_id in ids)))

    @strawberry.field(
        description="One CPO; null if there is none. One call, and none of its own if something selected below proves "
        "that it exists and nothing of its record is selected.",
        metadata={BINDING: _CPO},
    )
    async def cpo(self, info: Info, cpo_id: CPOId) -> CPO | None:
        """C4, or a page of C1."""
        found: CPO | None = await _found(_CPO, cpo_id, info)
        return found

    cpos: Connection[CPO] | None = many(
        lambda _root, _given: CPOs(),
        RowNode(CPORecord, lambda: CPO),
        description="The CPOs of the organization behind the token, in the gateway's order. One call for 100 rows.",
    )

    @strawberry.field(
        description="One location with its chargers' summaries; null if there is none. One call.",
        metadata={BINDING: _LOCATION},
    )
    async def location(
        self,
        info: Info,
        location_id: Annotated[
            ID,
            strawberry.argument(
                description="The gateway's own id (then `cpoId` is needed), or the global id of a Location."
            ),
        ],
        cpo_id: OptionalCPOId = UNSET,
    ) -> Location | None:
        """L4, or a page of L1."""
        found: Location | None = await _found(_LOCATION, location_id, info, cpoId=cpo_id)
        return found

    @strawberry.field(
        description="One charger; null if there is none. One call.",
        metadata={BINDING: _CHARGER},
    )
    async def charger(
        self,
        info: Info,
        charger_id: Annotated[
            ID,
            strawberry.argument(
                description="The gateway's deployment id, such as dep-7, or the global id of a Charger."
            ),
        ],
    ) -> Charger | None:
        """H2, P3 or a page of H1."""
        found: Charger | None = await _found(_CHARGER, charger_id, info)
        return found

    @strawberry.field(
        description="The chargers of the organization, or of one location, in full. One call for 100 rows.",
        metadata={BINDING: _CHARGERS},
    )
    async def chargers(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        ocpp_location_id: Annotated[
            ID | None,
            strawberry.argument(description="Only the chargers of this location: its `ocppLocationId`."),
        ] = UNSET,
    ) -> Connection[Charger] | None:
        """H1."""
        given = {"ocppLocationId": None if ocpp_location_id is UNSET else ocpp_location_id}
        return await connection(_CHARGERS, None, info, Paging.of(first, after, last, before), given)

    @strawberry.field(
        description="One bulk job, running or finished; null if there is none. One call.",
        metadata={BINDING: _JOB},
    )
    async def bulk_location_job(
        self,
        info: Info,
        job_id: JobId,
        cpo_id: OptionalCPOId = UNSET,
    ) -> BulkLocationJob | None:
        """L3."""
        found: BulkLocationJob | None = await _found(_JOB, job_id, info, cpoId=cpo_id)
        return found

    @strawberry.field(
        description="The templates that a CPO can be made from. One call.",
        metadata={BINDING: _CPO_TEMPLATES},
    )
    async def cpo_templates(self, info: Info) -> list[CPOTemplate] | None:
        """T1."""
        return await _gallery(_CPO_TEMPLATES, {}, info, "CPO template")

    @strawberry.field(
        description="The templates that a location can be made from. One call.",
        metadata={BINDING: _LOCATION_TEMPLATES},
    )
    async def location_templates(
        self,
        info: Info,
        current_type: Annotated[
            CurrentType | None,
            strawberry.argument(description="Only templates that deliver this kind of current."),
        ] = UNSET,
        ocpp_version: Annotated[
            str | None,
            strawberry.argument(
                description="Only templates with this OCPP version, OCPP1.6 or OCPP2.0.1; mixed ones match both."
            ),
        ] = UNSET,
    ) -> list[LocationTemplate] | None:
        """T2."""
        given = {"currentType": current_type or None, "ocppVersion": ocpp_version or None}
        return await _gallery(_LOCATION_TEMPLATES, given, info, "location template")
