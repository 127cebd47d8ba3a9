"""
Jobs: accepting them, and the worker that does them.

A job's items are rows, and every item is a location to be. A worker leases a few at a time and creates them;
the rows of an item and its mark as done commit in one transaction, which also asserts that the lease is still
held. So an item is made exactly once, however often the process dies and however many workers share the
database.

A lease is short and is renewed while its owner lives, by the clock of the database. What a killed worker had
leased is free again `LEASE_S` later; everything else of the job goes on at once.

There are two kinds of jobs: bulk creation (L2, told by L3) and the provisioning of a CPO (C2, told by C3).
Whoever locks several rows locks them in the order CPO, job, items, locations.
"""

from ocpplab_graphql.sandbox.construction import CpoGoneError
from ocpplab_graphql.sandbox.jobs.outcome import FAIL_MARK
from ocpplab_graphql.sandbox.jobs.submissions import (
    Accepted,
    KeyInUseError,
    KeyReusedError,
    NewCpo,
    Submission,
    Submissions,
)
from ocpplab_graphql.sandbox.jobs.worker import Worker

__all__ = [
    "FAIL_MARK",
    "Accepted",
    "CpoGoneError",
    "KeyInUseError",
    "KeyReusedError",
    "NewCpo",
    "Submission",
    "Submissions",
    "Worker",
]
