"""What can be changed, from the root."""

from typing import Annotated, Any

import msgspec
import strawberry

from ocpplab_graphql.errors import NotFound
from ocpplab_graphql.execution.bindings import BINDING, Write
from ocpplab_graphql.gateway.errors import GatewayNotFound, GatewayRejected
from ocpplab_graphql.gateway.records import (
    CPOAcceptedRecord,
    JobAcceptedRecord,
    JobRecord,
    LocationRecord,
    Record,
)
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.fields import load_row
from ocpplab_graphql.schema.ids import cpo_key, global_id, key_below_cpo
from ocpplab_graphql.schema.inputs import (
    BulkCreateLocationsInput,
    CreateCPOInput,
    DeleteCPOInput,
    DeleteLocationInput,
    UpdateLocationInput,
)
from ocpplab_graphql.schema.once import KeyInUse, KeyReused, Use, once
from ocpplab_graphql.schema.payloads import (
    BulkCreateLocationsPayload,
    CreateCPOPayload,
    DeleteCPOPayload,
    DeleteLocationPayload,
    UpdateLocationPayload,
)
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Location
from ocpplab_graphql.schema.writing import bulk, cpo, location, outcomes
from ocpplab_graphql.schema.writing.checks import error


@strawberry.type(
    description="Everything that can be changed. What you can correct comes in `userErrors`; a request to the gateway "
    "is sent at most once, and if its fate is unknown the error is OUTCOME_UNKNOWN and says what to do."
)
class Mutation:
    """The table of contents of writing."""

    @strawberry.field(
        description="Create many locations under one CPO, as a durable job that goes on without you. One call.",
        metadata={BINDING: Write("POST /ocpi/cpos/{cpo_id}/locations")},
    )
    async def bulk_create_locations(
        self,
        info: Info,
        input: Annotated[  # noqa: A002  # the field's standard name
            BulkCreateLocationsInput, strawberry.argument(description="The CPO and its new locations.")
        ],
    ) -> BulkCreateLocationsPayload | None:
        """L2."""
        cpo_id = cpo_key(input.cpo_id)
        wrong = bulk.mistakes(input, items_max=info.context.limits.bulk_items_max)
        if wrong:
            return BulkCreateLocationsPayload(job=None, user_errors=wrong)
        body = msgspec.json.encode(bulk.body(input.locations))
        rows: dict[type[Record], Any] = {}

        async def send() -> str:
            reply = await info.context.client.create_locations(cpo_id, body, input.idempotency_key or None)
            accepted = outcomes.accepted(reply, JobAcceptedRecord)
            rows[JobRecord] = JobRecord(
                job_id=accepted.job_id,
                status=outcomes.text(accepted.status),
                workflow_run_id=outcomes.text(accepted.workflow_run_id),
            )
            return accepted.job_id

        use = _use(info, "bulkCreateLocations", input.idempotency_key, cpo_id.encode() + b"\0" + body)
        try:
            job_id, made_now = await once(info.context.once, use, send)
        except GatewayNotFound:
            return BulkCreateLocationsPayload(job=None, user_errors=[_no_cpo(cpo_id)])
        except GatewayRejected as rejected:
            wrong = await outcomes.bulk_rejections(rejected, input.locations, info)
            return BulkCreateLocationsPayload(job=None, user_errors=wrong)
        except (KeyReused, KeyInUse) as problem:
            return BulkCreateLocationsPayload(job=None, user_errors=[outcomes.key_problem(problem)])
        info.context.loaders.forget()
        job = BulkLocationJob(key=(cpo_id, job_id), rows=rows)
        if not made_now and await load_row(job, JobRecord, info) is None:
            raise NotFound(f"Job {job_id}, which this idempotency key created, is no longer there.")
        return BulkCreateLocationsPayload(job=job, user_errors=[])

    @strawberry.field(
        description="Change a location. Only the fields that you give change. One call.",
        metadata={BINDING: Write("PATCH /ocpi/cpos/{cpo_id}/locations/{location_id}")},
    )
    async def update_location(
        self,
        info: Info,
        input: Annotated[  # noqa: A002  # the field's standard name
            UpdateLocationInput, strawberry.argument(description="The location, and what is to change.")
        ],
    ) -> UpdateLocationPayload | None:
        """L6."""
        key = key_below_cpo(input.cpo_id or None, input.location_id, "Location", "locationId")
        wrong = location.mistakes(input)
        if wrong:
            return UpdateLocationPayload(location=None, user_errors=wrong)
        try:
            reply = await info.context.client.update_location(*key, msgspec.json.encode(location.body(input)))
        except GatewayNotFound:
            return UpdateLocationPayload(location=None, user_errors=[_no_location(key)])
        except GatewayRejected as rejected:
            wrong = outcomes.rejections(rejected, location.rejection)
            return UpdateLocationPayload(location=None, user_errors=wrong)
        info.context.loaders.forget()
        row = outcomes.accepted(reply, info.context.loaders.store.into(LocationRecord), key=key[1])
        return UpdateLocationPayload(location=Location(key=key, rows={LocationRecord: row}), user_errors=[])

    @strawberry.field(
        description="Delete a location with its chargers. One call.",
        metadata={BINDING: Write("DELETE /ocpi/cpos/{cpo_id}/locations/{location_id}")},
    )
    async def delete_location(
        self,
        info: Info,
        input: Annotated[  # noqa: A002  # the field's standard name
            DeleteLocationInput, strawberry.argument(description="The location.")
        ],
    ) -> DeleteLocationPayload | None:
        """L5."""
        key = key_below_cpo(input.cpo_id or None, input.location_id, "Location", "locationId")
        try:
            await info.context.client.delete_location(*key)
        except GatewayNotFound:
            return DeleteLocationPayload(deleted_id=None, cpo=None, user_errors=[_no_location(key)])
        info.context.loaders.forget()
        return DeleteLocationPayload(
            deleted_id=strawberry.ID(global_id("Location", *key)),
            cpo=CPO(key=key[:1], rows={}),
            user_errors=[],
        )

    @strawberry.field(
        name="createCPO",
        description="Create a CPO from a template, durably: `provisioning` says how that stands. One call.",
        metadata={BINDING: Write("POST /ocpi/cpos")},
    )
    async def create_cpo(
        self,
        info: Info,
        input: Annotated[  # noqa: A002  # the field's standard name
            CreateCPOInput, strawberry.argument(description="What it is to be like.")
        ],
    ) -> CreateCPOPayload | None:
        """C2."""
        wrong = cpo.mistakes(input)
        if wrong:
            return CreateCPOPayload.refused(wrong)
        body = msgspec.json.encode(cpo.body(input))
        told: list[CPOAcceptedRecord] = []

        async def send() -> str:
            reply = await info.context.client.create_cpo(body, input.idempotency_key or None)
            told.append(outcomes.accepted(reply, CPOAcceptedRecord))
            return told[0].cpo_id

        use = _use(info, "createCPO", input.idempotency_key, body)
        try:
            cpo_id, _ = await once(info.context.once, use, send)
        except GatewayNotFound:
            known = await outcomes.cpo_templates(info)
            return CreateCPOPayload.refused([cpo.unknown_template(input.template, known)])
        except GatewayRejected as rejected:
            return CreateCPOPayload.refused(outcomes.rejections(rejected, cpo.rejection))
        except (KeyReused, KeyInUse) as problem:
            return CreateCPOPayload.refused([outcomes.key_problem(problem)])
        info.context.loaders.forget()
        return await CreateCPOPayload.of(cpo_id, told[0] if told else None, info)

    @strawberry.field(
        name="deleteCPO",
        description="Delete a CPO with all it holds. Deleting one that is gone succeeds too. One call.",
        metadata={BINDING: Write("DELETE /ocpi/cpos/{cpo_id}")},
    )
    async def delete_cpo(
        self,
        info: Info,
        input: Annotated[  # noqa: A002  # the field's standard name
            DeleteCPOInput, strawberry.argument(description="The CPO.")
        ],
    ) -> DeleteCPOPayload | None:
        """C5."""
        cpo_id = cpo_key(input.cpo_id)
        await info.context.client.delete_cpo(cpo_id)
        info.context.loaders.forget()
        return DeleteCPOPayload(deleted_id=strawberry.ID(global_id("CPO", cpo_id)), user_errors=[])


def _use(info: Info, mutation: str, key: str | None, given: bytes) -> Use | None:
    client = info.context.client
    return Use(client.credentials, mutation, key, given, client.remaining_s) if key else None


def _no_cpo(cpo_id: str) -> UserError:
    return error("NOT_FOUND", f"There is no CPO {cpo_id}, or no longer.", ("input", "cpoId"))


def _no_location(key: tuple[str, str]) -> UserError:
    return error(
        "NOT_FOUND", f"There is no location {key[1]} of CPO {key[0]}, or no longer.", ("input", "locationId")
    )
