"""What every resolver of one operation shares."""

from dataclasses import dataclass
from typing import Any

import strawberry

from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.loaders.following import Follow
from ocpplab_graphql.schema.limits import Limits


@dataclass(slots=True)
class Context:
    """
    One operation's own, or one event's: its caller's client, its loaders, its limits, its request id.

    `follow` is this caller's way to durable work, shared with whoever follows the same with the same credentials.
    """

    client: GatewayClient
    loaders: Loaders
    limits: Limits
    request_id: str
    follow: Follow

    def extensions(self) -> dict[str, Any]:
        """What `extensions.gateway` says of this operation, beside its errors."""
        return self.loaders.traced() or {}

    async def aclose(self) -> None:
        """Stop what nobody waits for any more."""
        await self.loaders.aclose()


Info = strawberry.Info[Context, None]
