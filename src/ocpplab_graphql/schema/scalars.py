"""DateTime: any RFC 3339 in, always UTC with milliseconds out. There is no JSON scalar."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import strawberry
from graphql import GraphQLError
from msgspec import Meta

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse

_SECONDS, _MILLISECONDS = len("2026-04-16T10:15:30"), len("2026-04-16T10:15:30.123")
_Moment = Annotated[datetime, Meta(tz=True)]


def format_moment(moment: datetime) -> str:
    """
    `YYYY-MM-DDTHH:MM:SS.sssZ`. A moment without a zone is UTC: the gateway speaks no other.

    Raises:
        GatewayInvalidResponse: in UTC it is before year 1 or after 9999.
    """
    if moment.tzinfo is UTC:
        # As isoformat has it, in a tenth of the time.
        text: str = msgspec.to_builtins(moment)
        return f"{text[:_SECONDS]}.000Z" if len(text) == _SECONDS + 1 else f"{text[:_MILLISECONDS]}Z"
    try:
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise GatewayInvalidResponse(
            "The gateway sent a moment that in UTC is before year 1 or after 9999."
        ) from None
    return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_moment(value: Any) -> datetime:
    """
    A moment from RFC 3339 text.

    Raises:
        GraphQLError: anything else.
    """
    try:
        if isinstance(value, str):
            return msgspec.convert(value, type=_Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass
    raise GraphQLError(f"DateTime takes RFC 3339 text such as 2026-04-16T10:15:30Z, got {value!r}.")


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description=(
        "A moment in UTC, as `YYYY-MM-DDTHH:MM:SS.sssZ`. As input any RFC 3339 date and time with an offset "
        "is accepted, such as `2026-04-16T12:15:30+02:00`."
    ),
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    serialize=format_moment,
    parse_value=parse_moment,
)
