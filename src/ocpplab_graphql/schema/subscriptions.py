"""What can be followed, from the root. The polling behind it is shared, and lives in the loaders."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry
from strawberry import UNSET

from ocpplab_graphql.gateway.records import JobRecord, ProvisioningRecord
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.ids import cpo_key, key_below_cpo
from ocpplab_graphql.schema.provisioning import Provisioning
from ocpplab_graphql.schema.queries import CPOId, JobId, OptionalCPOId
from ocpplab_graphql.schema.types import BulkLocationJob


@strawberry.type(
    description="Everything that can be followed: first the present state, then each change, then the final state, "
    "then the stream completes. A gateway that fails is an event with an error, and the stream goes on when it is "
    "back; one that refuses, as for an unknown id or a token that has expired, ends the stream."
)
class Subscription:
    """
    The table of contents of following.

    An exception that is yielded becomes the error of an event whose data is null; the stream goes on.
    """

    @strawberry.subscription(
        description="A bulk job, until it is READY or FAILED. One call every 1 to 2 s at first, seldom while nothing "
        "changes, shared by all who follow it with the same credentials."
    )
    async def bulk_location_job(
        self, info: Info, job_id: JobId, cpo_id: OptionalCPOId = UNSET
    ) -> AsyncGenerator[BulkLocationJob | None, None]:
        """L3, again and again."""
        key = key_below_cpo(cpo_id or None, job_id, "BulkLocationJob", "jobId")
        async with aclosing(info.context.follow(JobRecord, key)) as states:
            async for state in states:
                yield _event(state, BulkLocationJob, key)

    @strawberry.subscription(
        description="How the durable creation of a CPO stands, until it is READY or FAILED. One call every 1 to 2 s at "
        "first, seldom while nothing changes, shared by all who follow it with the same credentials."
    )
    async def cpo_provisioning(self, info: Info, cpo_id: CPOId) -> AsyncGenerator[Provisioning | None, None]:
        """C3, again and again."""
        key = cpo_key(cpo_id)
        async with aclosing(info.context.follow(ProvisioningRecord, (key,))) as states:
            async for state in states:
                yield _event(state, Provisioning, ("CPO", key))


def _event(state: Any, node: Any, key: tuple[str, ...]) -> Any:
    return state if isinstance(state, Exception) else node(key=key, rows={type(state): state})
