"""What the gateway's answer to a write means for the caller."""

from collections.abc import Callable
from typing import TypeVar

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.decode import Invalid, decode
from ocpplab_graphql.gateway.errors import (
    Complaint,
    GatewayInvalidResponse,
    GatewayOutcomeUnknown,
    GatewayRejected,
)
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.schema.context import Info
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import BulkLocationInput
from ocpplab_graphql.schema.once import KeyInUse, KeyReused
from ocpplab_graphql.schema.writing import bulk
from ocpplab_graphql.schema.writing.checks import error

R = TypeVar("R", bound=Record)

_KEY = ("input", "idempotencyKey")
_IN_USE = "A request with this idempotency key is still under way: wait, and send the same request again."
_REUSED = "This idempotency key was used before with another input: take a new key for a new intention."


def accepted(reply: Reply, into: type[R], *, key: str | None = None) -> R:
    """
    What a successful reply says.

    Args:
        key: of the object that was to be changed.

    Raises:
        GatewayOutcomeUnknown: the gateway did something and did not say what.
    """
    try:
        return decode(reply.body, into, key=key)
    except GatewayInvalidResponse as problem:
        raise GatewayOutcomeUnknown(
            f"The gateway accepted the request, but its answer cannot be read: {problem} It has probably happened; "
            "look for its effect before you repeat it."
        ) from problem


def text(value: object) -> str | None:
    """A text that is not needed: None if it is unreadable."""
    return value if isinstance(value, str) else None


def rejections(rejected: GatewayRejected, row: Callable[[Complaint], UserError]) -> list[UserError]:
    """What the gateway found wrong, led back to the input by `row`."""
    if rejected.status == 409:
        return [key_problem(KeyInUse())]
    if any(complaint.loc[:1] == ("header",) for complaint in rejected.complaints):
        return [key_problem(KeyReused())]
    if not rejected.complaints:
        return [error("REJECTED", rejected.message, ("input",))]
    return [row(complaint) for complaint in rejected.complaints]


def key_problem(problem: KeyReused | KeyInUse) -> UserError:
    """Why an idempotency key cannot be used for this."""
    if isinstance(problem, KeyInUse):
        return error("IDEMPOTENCY_KEY_IN_USE", _IN_USE, _KEY)
    return error("IDEMPOTENCY_KEY_REUSED", _REUSED, _KEY)


async def bulk_rejections(
    rejected: GatewayRejected, locations: list[BulkLocationInput], info: Info
) -> list[UserError]:
    """What the gateway found wrong with new locations; an unknown template with those there are."""
    if rejected.status == 400 and any(item.from_template for item in locations):
        unknown = await _unknown_templates(locations, info)
        if unknown:
            return unknown
    return rejections(rejected, lambda complaint: bulk.rejection(complaint, locations))


async def cpo_templates(info: Info) -> set[str]:
    """Slugs of the CPO templates; none if the gateway cannot be asked."""
    return await _slugs("cpo_templates", (), info)


async def _unknown_templates(locations: list[BulkLocationInput], info: Info) -> list[UserError]:
    known = await _slugs("location_templates", (None, None), info)
    return bulk.unknown_templates(locations, known) if known else []


async def _slugs(loader: str, key: tuple[None, ...], info: Info) -> set[str]:
    try:
        templates = await info.context.loaders.load(loader, key, info.path)
    except FacadeError:
        return set()
    return {template.slug for template in templates if not isinstance(template, Invalid)}
