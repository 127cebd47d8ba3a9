"""
A case: one operation over one gateway. `case(seed, index)` is the same on every machine.

Now and then a case sends the document of the one before it again, with other variables and another gateway, so
that what is kept of a document meets everything it may be executed with.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import GraphQLSchema

from tests.differential import faults
from tests.differential.door import Sent
from tests.differential.faults import Fault, LyingGateway, RouteFault, RowFault
from tests.differential.known import Known
from tests.differential.operations import Document, document
from tests.differential.serving import WorldGateway
from tests.differential.world import World

WORLDS = (1, 2, 3)
_KINDS = ("query",) * 79 + ("mutation",) * 13 + ("subscription",) * 4 + ("refused",) * 4
_POLLED = {"GET /ocpi/cpos/{cpo_id}/status", "GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}"}


@dataclass(frozen=True)
class Case:
    """
    One operation over one gateway.

    Attributes:
        kind: query, mutation, subscription or refused.
        world: seed of the gateway's world.
    """

    index: int
    kind: str
    sent: Sent
    world: int
    faults: tuple[Fault, ...] = ()

    def gateway(self, worlds: Mapping[int, World]) -> WorldGateway:
        """A gateway as it is before the operation."""
        world = worlds[self.world]
        follows = self.kind == "subscription"
        fresh = WorldGateway(world if self.kind == "query" else world.copied(), scripted=follows)
        return LyingGateway(fresh, self.faults) if self.faults else fresh


class Corpus:
    """The cases of one seed."""

    def __init__(self, seed: int, schema: GraphQLSchema, known: Mapping[int, Known]) -> None:
        self._seed = seed
        self._schema = schema
        self._known = known

    def case(self, index: int) -> Case:
        """The case with this number, from 0."""
        base = self._base(index)
        once = self._random(base, "document")
        kind, world = once.choice(_KINDS), once.choice(WORLDS)
        written = document(self._schema, self._known[world], once, kind)
        pick = self._random(index, "sending")
        sent = Sent(
            written.text,
            written.given(pick, honest=0.97) if written.variables or pick.random() < 0.5 else None,
            _operation_name(written, pick),
            _headers(kind, pick),
            token=pick.random() > 0.012,
        )
        return Case(index, kind, sent, world, tuple(_faults(written, pick)))

    def _base(self, index: int) -> int:
        while index and self._random(index, "again").random() < 0.25:
            index -= 1
        return index

    def _random(self, index: int, what: str) -> random.Random:
        return random.Random(f"{self._seed} {index} {what}")  # noqa: S311  # made to be predicted


def _operation_name(written: Document, pick: random.Random) -> str | None:
    if len(written.operations) > 1:
        return pick.choice([*written.operations, *written.operations, None, "Nope"])
    return pick.choice([written.operations[0], None]) if pick.random() < 0.99 else "Nope"


def _headers(kind: str, pick: random.Random) -> dict[str, str]:
    if kind == "subscription":
        return {"accept": "text/event-stream"}
    chance = pick.random()
    if chance < 0.05:
        return {"x-gateway-trace": "calls"}
    return {"x-gateway-trace": "plan"} if chance < 0.055 else {}


def _faults(written: Document, pick: random.Random) -> Sequence[Fault]:
    if pick.random() < 0.6:
        return ()
    drawn = (faults.draw(pick, written.text) for _ in range(pick.choice([1, 1, 2, 3])))
    return [fault for fault in drawn if written.kind != "subscription" or not _never_ends(fault)]


def _never_ends(fault: Fault) -> bool:
    """What is followed must come to its end."""
    if isinstance(fault, RowFault):
        return fault.kind in {"job", "provisioning"} and fault.path in {"status", "job_id", ""}
    return isinstance(fault, RouteFault) and fault.route in _POLLED


def without_fault(case: Case, fault: Fault) -> Case:
    """The same over a gateway that is better by one."""
    return replace(case, faults=tuple(f for f in case.faults if f is not fault))


def with_sent(case: Case, **changes: Any) -> Case:
    """The same with another request."""
    return replace(case, sent=replace(case.sent, **changes))
