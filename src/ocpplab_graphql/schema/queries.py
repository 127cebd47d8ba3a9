"""What can be read, from the root."""

import asyncio
from typing import Annotated, Any

import strawberry
from strawberry import ID, UNSET

from ocpplab_graphql.errors import BadUserInput, FacadeError
from ocpplab_graphql.execution.bindings import BINDING, Gallery, Lookup, Many
from ocpplab_graphql.gateway.decode import checked
from ocpplab_graphql.gateway.records import ChargerRecord, CPORecord
from ocpplab_graphql.gateway.routes import check_id
from ocpplab_graphql.loaders.lists import Chargers, CPOs
from ocpplab_graphql.schema.connections import After, Before, Connection, First, Last, Paging
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.enums import CurrentType
from ocpplab_graphql.schema.fields import connection, many
from ocpplab_graphql.schema.ids import cpo_key, key_below_cpo, key_of_argument, parse_global_id
from ocpplab_graphql.schema.lookup import node_by_key
from ocpplab_graphql.schema.node import Node
from ocpplab_graphql.schema.templates import CPOTemplate, LocationTemplate
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Charger, Location

_CHARGERS = Many(
    lambda _root, given: Chargers(given.get("ocppLocationId")),
    lambda _root, row: Charger(key=(row.id,), rows={ChargerRecord: row}),
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


@strawberry.type(
    description="Everything that can be read. A lookup that finds nothing is null, without an error."
)
class Query:
    """The table of contents of reading."""

    @strawberry.field(
        description="Any node by its global id; null if it does not exist. One call at most.",
        metadata={BINDING: Lookup("id")},
    )
    async def node(
        self,
        info: Info,
        id: Annotated[ID, strawberry.argument(description="A global id, such as Location:101:loc-42.")],  # noqa: A002
    ) -> Node | None:
        """See lookup."""
        return await node_by_key(*parse_global_id(id), info)  # type: ignore[no-any-return]

    @strawberry.field(
        description="Many nodes by their global ids, in the order of the ids; null for one that does not exist, "
        "null with an error for an id that can be none. Read together, in as few calls as their lists allow.",
        metadata={BINDING: Lookup("ids")},
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[ID], strawberry.argument(description="Up to 500 global ids.")],
    ) -> list[Node | None]:
        """Each id fails alone."""
        if len(ids) > info.context.limits.nodes_max:
            raise BadUserInput(f"ids takes at most {info.context.limits.nodes_max} ids, got {len(ids)}.")

        async def found(global_id: str) -> Any:
            try:
                return await node_by_key(*parse_global_id(global_id), info)
            except FacadeError as error:
                return error

        return list(await asyncio.gather(*(found(global_id) for global_id in ids)))

    @strawberry.field(
        description="One CPO; null if there is none. One call, and none of its own if something selected below proves "
        "that it exists and nothing of its record is selected.",
        metadata={BINDING: Lookup("cpoId", "CPO")},
    )
    async def cpo(self, info: Info, cpo_id: CPOId) -> CPO | None:
        """C4, or a page of C1."""
        found: CPO | None = await node_by_key("CPO", (cpo_key(cpo_id),), info)
        return found

    cpos: Connection[CPO] | None = many(
        lambda _root, _given: CPOs(),
        lambda _root, row: CPO(key=(row.cpo_id,), rows={CPORecord: row}),
        description="The CPOs of the organization behind the token, in the gateway's order. One call for 100 rows.",
    )

    @strawberry.field(
        description="One location with its chargers' summaries; null if there is none. One call.",
        metadata={BINDING: Lookup("locationId", "Location")},
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
        key = key_below_cpo(cpo_id or None, location_id, "Location", "locationId")
        found: Location | None = await node_by_key("Location", key, info)
        return found

    @strawberry.field(
        description="One charger; null if there is none. One call.",
        metadata={BINDING: Lookup("chargerId", "Charger")},
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
        found: Charger | None = await node_by_key(
            "Charger", key_of_argument(charger_id, "Charger", "chargerId"), info
        )
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
        place = check_id(ocpp_location_id, "ocppLocationId") if isinstance(ocpp_location_id, str) else None
        return await connection(
            _CHARGERS, None, info, Paging.of(first, after, last, before), {"ocppLocationId": place}
        )

    @strawberry.field(
        description="One bulk job, running or finished; null if there is none. One call.",
        metadata={BINDING: Lookup("jobId", "BulkLocationJob")},
    )
    async def bulk_location_job(
        self,
        info: Info,
        job_id: JobId,
        cpo_id: OptionalCPOId = UNSET,
    ) -> BulkLocationJob | None:
        """L3."""
        key = key_below_cpo(cpo_id or None, job_id, "BulkLocationJob", "jobId")
        found: BulkLocationJob | None = await node_by_key("BulkLocationJob", key, info)
        return found

    @strawberry.field(
        description="The templates that a CPO can be made from. One call.",
        metadata={BINDING: Gallery("GET /ocpi/templates/cpos")},
    )
    async def cpo_templates(self, info: Info) -> list[CPOTemplate] | None:
        """T1."""
        return [
            checked(row, "CPO template")
            for row in await info.context.loaders.load("cpo_templates", (), info.path)
        ]

    @strawberry.field(
        description="The templates that a location can be made from. One call.",
        metadata={BINDING: Gallery("GET /ocpp/templates/locations")},
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
        kind = str(current_type.value) if isinstance(current_type, CurrentType) else None
        key = (kind, ocpp_version or None)
        return [
            checked(row, "location template")
            for row in await info.context.loaders.load("location_templates", key, info.path)
        ]
