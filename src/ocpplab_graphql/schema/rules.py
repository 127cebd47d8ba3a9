"""The graph's own rules of paging and looking up, as the compiled execution asks for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.execution.bindings import Many
from ocpplab_graphql.loaders import GatewayList
from ocpplab_graphql.loaders.windows import Range
from ocpplab_graphql.schema.connections import Cursors, PageInfo, Paging, cursors_of, page_info
from ocpplab_graphql.schema.fields import list_of
from ocpplab_graphql.schema.limits import Limits


class GraphRules:
    """See `execution.compiled.Rules`."""

    def paging(self, given: Mapping[str, Any]) -> Paging:
        """See Rules."""
        return Paging(given.get("first"), given.get("after"), given.get("last"), given.get("before"))

    def list_of(self, binding: Many, node: Any, given: Mapping[str, Any]) -> tuple[GatewayList, Cursors]:
        """See Rules."""
        return list_of(binding, node, given)

    def cursors(self, *name: str) -> Cursors:
        """See Rules."""
        return cursors_of(*name)

    def page_info(self, cursors: Cursors, span: Range, total: int, after: str | None) -> PageInfo:
        """See Rules."""
        return page_info(cursors, span, total, after)

    def check_ids(self, ids: Sequence[str], limits: Limits) -> None:
        """See Rules."""
        if len(ids) > limits.nodes_max:
            raise BadUserInput(f"ids takes at most {limits.nodes_max} ids, got {len(ids)}.")
