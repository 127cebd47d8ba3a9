"""What mutations answer: the changed object, or the reasons why nothing changed."""

from typing import Any

import msgspec
import strawberry
from strawberry import ID, Private

from ocpplab_graphql.errors import NotFound
from ocpplab_graphql.execution.bindings import BINDING, Given, Value
from ocpplab_graphql.gateway.records import (
    CPOAcceptedRecord,
    JobRecord,
    LocationRecord,
    ProvisioningRecord,
    Record,
    RoamHelperRecord,
)
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.fields import computed, load_row, read, value
from ocpplab_graphql.schema.provisioning import Provisioning
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Location
from ocpplab_graphql.schema.writing import outcomes

_USER_ERRORS = "What is wrong with the input, all of it at once; then nothing was changed."


@strawberry.type(description="What became of a `bulkCreateLocations`.")
class BulkCreateLocationsPayload:
    """Either a job, or the reasons why there is none."""

    job: BulkLocationJob | None = strawberry.field(
        description="The job that was accepted; null if there are user errors. Follow it with `bulkLocationJob`.",
        metadata={BINDING: Given((JobRecord,))},
    )
    user_errors: list[UserError] = strawberry.field(description=_USER_ERRORS)


@strawberry.type(description="What became of an `updateLocation`.")
class UpdateLocationPayload:
    """Either the location as it is now, or the reasons why it did not change."""

    location: Location | None = strawberry.field(
        description="The location as it is now; null if there are user errors. Costs no further call.",
        metadata={BINDING: Given((LocationRecord,))},
    )
    user_errors: list[UserError] = strawberry.field(description=_USER_ERRORS)


@strawberry.type(description="What became of a `deleteLocation`.")
class DeleteLocationPayload:
    """Either the id that is gone, or the reason why not."""

    deleted_id: ID | None = strawberry.field(
        description="Global id of the location that is gone, for caches; null if there are user errors."
    )
    cpo: CPO | None = strawberry.field(
        description="The CPO that owned it, as it is now; its `id` and `cpoId` cost no call.",
        metadata={BINDING: Given()},
    )
    user_errors: list[UserError] = strawberry.field(description=_USER_ERRORS)


def _as_text(payload: str | dict[str, Any] | None) -> str | None:
    return msgspec.json.encode(payload).decode() if isinstance(payload, dict) else payload


@strawberry.type(description="What a roaming peer needs to connect to a new CPO: secrets, told once.")
class RoamHelper:
    """Source: gateway contract, section 3."""

    credentials_payload: str | None = computed(
        _as_text,
        Value(RoamHelperRecord, "credentials_payload"),
        description="OCPI credentials object as JSON text. A secret.",
    )
    curl_snippet: str | None = value(
        RoamHelperRecord,
        "curl_snippet",
        description="A shell command that registers the peer. Holds a secret.",
    )


@strawberry.type(name="CreateCPOPayload", description="What became of a `createCPO`.")
class CreateCPOPayload:
    """Either a CPO in the making, or the reasons why there is none."""

    accepted: Private[CPOAcceptedRecord | None]

    cpo: CPO | None = strawberry.field(
        description="The CPO; null if there are user errors. Its `id` and `cpoId` cost no call, the rest one.",
        metadata={BINDING: Given()},
    )
    provisioning: Provisioning | None = strawberry.field(
        description="How its creation stands. Costs no further call.",
        metadata={BINDING: Given((ProvisioningRecord,))},
    )
    user_errors: list[UserError] = strawberry.field(description=_USER_ERRORS)

    @strawberry.field(
        name="tokenA", description="OCPI Token A, told this once: a secret, never stored or logged."
    )
    def token_a(self, info: Info) -> str | None:
        """From the reply alone."""
        return self._told("token_a", info)  # type: ignore[no-any-return]

    @strawberry.field(description="What a roaming peer needs to connect, told this once.")
    def roam_helper(self, info: Info) -> RoamHelper | None:
        """From the reply alone."""
        return self._told("roam_helper", info)  # type: ignore[no-any-return]

    def _told(self, key: str, info: Info):  # type: ignore[no-untyped-def]  # what the record holds
        return None if self.accepted is None else read(self.accepted, Value(CPOAcceptedRecord, key), info)

    @classmethod
    async def of(cls, cpo_id: str, told: CPOAcceptedRecord | None, info: Info) -> "CreateCPOPayload":
        """
        A CPO in the making.

        Args:
            told: what the gateway said; None if it said it before, to a request with the same key.
        """
        rows: dict[type[Record], Any] = {}
        if told is not None:
            rows[ProvisioningRecord] = ProvisioningRecord(
                status=outcomes.text(told.status), workflow_run_id=outcomes.text(told.workflow_run_id)
            )
        cpo = CPO(key=(cpo_id,), rows=rows)
        if told is None and await load_row(cpo, ProvisioningRecord, info) is None:
            raise NotFound(f"CPO {cpo_id}, which this idempotency key created, is no longer there.")
        provisioning = Provisioning(key=("CPO", cpo_id), rows=dict(cpo.rows))
        return cls(accepted=told, cpo=CPO(key=(cpo_id,), rows={}), provisioning=provisioning, user_errors=[])

    @classmethod
    def refused(cls, wrong: list[UserError]) -> "CreateCPOPayload":
        """Nothing was created."""
        return cls(accepted=None, cpo=None, provisioning=None, user_errors=wrong)


@strawberry.type(name="DeleteCPOPayload", description="What became of a `deleteCPO`.")
class DeleteCPOPayload:
    """The id that is gone."""

    deleted_id: ID | None = strawberry.field(
        description="Global id of the CPO that is gone, for caches; also if it was gone before."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Always empty: any CPO may be deleted, again too."
    )
