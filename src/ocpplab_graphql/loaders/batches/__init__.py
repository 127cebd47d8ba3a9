"""
The batch functions: plain `async (store, client, keys) -> results`, in the order of the keys.

A result is a value, None for what does not exist, or an exception that fails its key alone.
"""

from ocpplab_graphql.loaders.batches.alone import (
    charger_provisioning,
    cpo_provisioning,
    cpo_report,
    cpo_templates,
    jobs,
    location_templates,
)
from ocpplab_graphql.loaders.batches.chargers import chargers_by_id
from ocpplab_graphql.loaders.batches.rows import cpos_by_id, locations_by_id
from ocpplab_graphql.loaders.batches.windows import Slice, windows

__all__ = [
    "Slice",
    "charger_provisioning",
    "chargers_by_id",
    "cpo_provisioning",
    "cpo_report",
    "cpo_templates",
    "cpos_by_id",
    "jobs",
    "location_templates",
    "locations_by_id",
    "windows",
]
