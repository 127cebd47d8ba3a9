"""The graph. Strawberry lives here: the schema object, made of the root types."""

from datetime import datetime

import strawberry
from strawberry.schema.config import StrawberryConfig

from ocpplab_graphql.schema.mutations import Mutation
from ocpplab_graphql.schema.provisioning import Provisioning
from ocpplab_graphql.schema.queries import Query
from ocpplab_graphql.schema.scalars import DATE_TIME
from ocpplab_graphql.schema.subscriptions import Subscription
from ocpplab_graphql.schema.types import CPO, BulkLocationJob, Charger, Location

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[CPO, Location, Charger, BulkLocationJob, Provisioning],
    config=StrawberryConfig(scalar_map={datetime: DATE_TIME}, disable_field_suggestions=False),
)

# An answer that holds one of these is kept nowhere.
SECRET_FIELDS = frozenset(
    {("CPO", "reportMarkdown"), ("CreateCPOPayload", "tokenA"), ("CreateCPOPayload", "roamHelper")}
)


def sdl() -> str:
    """The schema in SDL, as `schema.graphql` and `/schema.graphql` hold it."""
    return schema.as_str() + "\n"
