"""What can be changed, from the root."""

from typing import Annotated

import msgspec
import strawberry

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.decode import Invalid, decode
from ocpplab_graphql.gateway.errors import (
    GatewayInvalidResponse,
    GatewayNotFound,
    GatewayOutcomeUnknown,
    GatewayRejected,
)
from ocpplab_graphql.gateway.records import JobAcceptedRecord, JobRecord
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.schema import bulk
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.enums import UserErrorCode
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.ids import cpo_key
from ocpplab_graphql.schema.inputs import BulkCreateLocationsInput, BulkLocationInput
from ocpplab_graphql.schema.types import BulkLocationJob


@strawberry.type(description="What became of a `bulkCreateLocations`.")
class BulkCreateLocationsPayload:
    """Either a job, or the reasons why there is none."""

    job: BulkLocationJob | None = strawberry.field(
        description="The job that was accepted; null if there are user errors. Follow it with `bulkLocationJob`."
    )
    user_errors: list[UserError] = strawberry.field(
        description="What is wrong with the input, all of it at once; then nothing was created."
    )


@strawberry.type(description="Everything that can be changed. What you can correct comes in `userErrors`.")
class Mutation:
    """The table of contents of writing."""

    @strawberry.field(
        description="Create many locations under one CPO, as a durable job that goes on without you. One call, sent at "
        "most once: if its fate is unknown, the error is OUTCOME_UNKNOWN and says what to do."
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
        try:
            reply = await info.context.client.create_locations(cpo_id, body, input.idempotency_key or None)
        except GatewayNotFound:
            return _refused(UserErrorCode.NOT_FOUND, f"There is no CPO {cpo_id}, or no longer.", "cpoId")
        except GatewayRejected as rejected:
            return BulkCreateLocationsPayload(
                job=None, user_errors=await _rejections(rejected, input.locations, info)
            )
        return BulkCreateLocationsPayload(job=_accepted(cpo_id, reply), user_errors=[])


def _accepted(cpo_id: str, reply: Reply) -> BulkLocationJob:
    """
    The job of a 202.

    Raises:
        GatewayOutcomeUnknown: the gateway accepted something and did not say what.
    """
    try:
        accepted = decode(reply.body, JobAcceptedRecord)
    except GatewayInvalidResponse as problem:
        raise GatewayOutcomeUnknown(
            f"The gateway accepted the locations, but its answer names no job: {problem} They are probably being "
            "created; look for them under the CPO before you send them again."
        ) from problem
    row = JobRecord(
        job_id=accepted.job_id, status=accepted.status, workflow_run_id=_known(accepted.workflow_run_id)
    )
    return BulkLocationJob(key=(cpo_id, accepted.job_id), rows={JobRecord: row})


def _known(text: object) -> str | None:
    return text if isinstance(text, str) else None


async def _rejections(
    rejected: GatewayRejected, locations: list[BulkLocationInput], info: Info
) -> list[UserError]:
    """What the gateway found wrong, led back to the input."""
    if rejected.status == 409:
        return [_error(UserErrorCode.IDEMPOTENCY_KEY_IN_USE, _IN_USE, "idempotencyKey")]
    if any(complaint.loc[:1] == ("header",) for complaint in rejected.complaints):
        return [_error(UserErrorCode.IDEMPOTENCY_KEY_REUSED, _REUSED, "idempotencyKey")]
    if rejected.status == 400 and any(item.from_template for item in locations):
        unknown = await _unknown_templates(locations, info)
        if unknown:
            return unknown
    if not rejected.complaints:
        return [UserError(code=UserErrorCode.REJECTED, message=rejected.message, path=["input"])]
    return [bulk.rejection(complaint, locations) for complaint in rejected.complaints]


async def _unknown_templates(locations: list[BulkLocationInput], info: Info) -> list[UserError]:
    """The items whose template does not exist; none if the gateway cannot be asked."""
    try:
        templates = await info.context.loaders.load("location_templates", (None, None), info.path)
    except FacadeError:
        return []
    known = {template.slug for template in templates if not isinstance(template, Invalid)}
    return bulk.unknown_templates(locations, known)


def _refused(code: UserErrorCode, message: str, field: str) -> BulkCreateLocationsPayload:
    return BulkCreateLocationsPayload(job=None, user_errors=[_error(code, message, field)])


def _error(code: UserErrorCode, message: str, field: str) -> UserError:
    return UserError(code=code, message=message, path=["input", field])


_IN_USE = "A request with this idempotency key is still under way: wait, and send the same request again."
_REUSED = "This idempotency key was used before with another input: take a new key for a new intention."
