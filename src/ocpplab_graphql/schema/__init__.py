"""The graph. Strawberry lives here: the schema object, made of the root types."""

from datetime import datetime
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType
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


def _is_one_of(of_type: Any, _info: Any) -> bool | None:
    """Strawberry's own fails on lists and on what may not be null, which have no definition."""
    if not isinstance(of_type, GraphQLInputObjectType):
        return None
    definition = (of_type.extensions or {}).get("strawberry-definition")
    return bool(getattr(definition, "is_one_of", False))


schema._schema.type_map["__Type"].fields["isOneOf"].resolve = _is_one_of  # type: ignore[attr-defined]  # an object type

# An answer that holds one of these is kept nowhere.
SECRET_FIELDS = frozenset(
    {("CPO", "reportMarkdown"), ("CreateCPOPayload", "tokenA"), ("CreateCPOPayload", "roamHelper")}
)


@cache
def sdl() -> str:
    """The schema in SDL, as `schema.graphql` and `/schema.graphql` hold it."""
    return schema.as_str() + "\n"
