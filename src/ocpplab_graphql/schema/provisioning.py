"""How durable work stands: the status, its error, and the provisioning of CPOs and chargers."""

from datetime import datetime

import strawberry
from strawberry import ID

from ocpplab_graphql.execution.bindings import Value
from ocpplab_graphql.gateway.decode import checked
from ocpplab_graphql.gateway.records import FINISHED, ErrorRecord, ProgressRecord, ProvisioningRecord
from ocpplab_graphql.schema.enums import ProvisioningStatus
from ocpplab_graphql.schema.fields import computed, value
from ocpplab_graphql.schema.node import Node, gid

POLL_INTERVAL_MS = 1000  # the gateway advises to poll every 1 to 2 s


def status_of(text: str | None) -> ProvisioningStatus:
    """The status the gateway wrote; UNKNOWN for one that this API does not know, or none."""
    try:
        return ProvisioningStatus(text)
    except ValueError:
        return ProvisioningStatus.UNKNOWN


def is_finished(text: str | None) -> bool:
    """Whether nothing more will happen."""
    return text in FINISHED


def _current_step(progress: ProgressRecord | None) -> str | None:
    return None if progress is None else checked(progress.current_step, "current_step")


def retry_after_ms(text: str | None) -> int | None:
    """When to look again, in milliseconds; None when it is finished."""
    return None if is_finished(text) else POLL_INTERVAL_MS


@strawberry.type(description="Why a job, an item of it, or a provisioning failed.")
class ProvisioningError:
    """Source: gateway contract, section 4, L3."""

    code: str = value(
        ErrorRecord, "code", description="Stable code. The set is open: treat an unknown one as an error."
    )
    message: str = value(ErrorRecord, "message", description="For people; up to about 2,000 characters.")
    step: str | None = value(ErrorRecord, "step", description="The step that failed, if the gateway tells.")
    param: str | None = value(
        ErrorRecord, "param", description="The input that it failed on, if the gateway tells."
    )
    doc_url: str | None = value(
        ErrorRecord, "doc_url", description="Where the error is explained, if anywhere."
    )
    retryable: bool | None = value(
        ErrorRecord, "retryable", description="True if the same payload may work later; null if unknown."
    )


@strawberry.type(
    description="How the durable creation of a CPO or a charger stands. Reading it costs one call."
)
class Provisioning(Node):
    """Key: type name of the owner, and the owner's id. Source: gateway contract, C3 and H3."""

    id: ID = gid("Provisioning")
    status: ProvisioningStatus = computed(
        status_of,
        Value(ProvisioningRecord, "status"),
        description="Where it stands; UNKNOWN if the gateway does not say.",
    )
    is_finished: bool = computed(
        is_finished,
        Value(ProvisioningRecord, "status"),
        description="Whether it is READY or FAILED: nothing more will happen.",
    )
    retry_after_ms: int | None = computed(
        retry_after_ms,
        Value(ProvisioningRecord, "status"),
        description="When to look again, in milliseconds; null when it is finished.",
    )
    current_step: str | None = computed(
        _current_step,
        Value(ProvisioningRecord, "progress"),
        description="What is being done; only while PROVISIONING.",
    )
    error: ProvisioningError | None = value(
        ProvisioningRecord, "error", description="Why it failed; null unless FAILED."
    )
    workflow_run_id: str | None = value(
        ProvisioningRecord, "workflow_run_id", description="The run in the gateway's workflow engine."
    )
    provisioned_at: datetime | None = value(
        ProvisioningRecord, "provisioned_at", description="When it became READY; null before."
    )


@strawberry.type(description="An item of a bulk job that could not be created.")
class BulkLocationFailure:
    """Source: gateway contract, L3."""

    index: int | None = strawberry.field(description="Which item of the input, from 0.")
    name: str | None = strawberry.field(description="The name that was to be given, if the gateway tells.")
    error: ProvisioningError | None = strawberry.field(description="Why.")
