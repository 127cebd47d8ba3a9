"""
What a generator knows of a world: ids that exist, and cursors that the reference gave for its lists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.differential.door import Sent, Side
from tests.differential.serving import SCRIPTED_JOB, WorldGateway
from tests.differential.world import World

# (type, *key): what a field is below; ("Query",) at the root.
Subject = tuple[str, ...]


@dataclass
class Known:
    """
    Ids and cursors.

    Attributes:
        ids: per type, the keys of nodes that exist.
        cursors: per (subject, field), cursors of that list in its order.
    """

    ids: dict[str, list[tuple[str, ...]]]
    cursors: dict[tuple[Subject, str], list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "Known":
        """The ids of a world."""
        chargers = [(charger_id,) for charger_id in world.chargers]
        cpos = [(cpo_id,) for cpo_id in world.cpos]
        return cls(
            {
                "CPO": cpos,
                "Location": [
                    (cpo_id, key) for cpo_id, places in world.places.items() for key in [*places][:15]
                ],
                "Charger": [*chargers[:20], *chargers[-4:]],
                "BulkLocationJob": [*world.jobs],
                "Provisioning": [
                    *(("CPO", *key) for key in cpos),
                    *(("Charger", *key) for key in chargers[:6]),
                ],
                "place": [
                    (row["ocpp_location_id"],)
                    for places in world.places.values()
                    for row in [*places.values()][:6]
                    if row.get("ocpp_location_id")
                ],
                "logged": [(charger_id,) for charger_id in world.logs],
            }
        )


async def harvested(world: World, reference: Side) -> Known:
    """What is known of a world, with cursors from the reference's own answers."""
    known = Known.of(world)
    lists = list(_lists(known))
    for some in (lists[n : n + 20] for n in range(0, len(lists), 20)):
        fields = [
            f"a{n}: {head} {{ {body} {{ edges {{ cursor }} }} }}"
            if body
            else f"a{n}: {head} {{ edges {{ cursor }} }}"
            for n, (_, _, head, body) in enumerate(some)
        ]
        answer = await reference.ask(Sent("{ " + " ".join(fields) + " }"), WorldGateway(world))
        data = msgspec.json.decode(answer.body)["data"]
        for n, (subject, name, _, body) in enumerate(some):
            found = data[f"a{n}"]
            found = found and (found["list"] if body else found)
            if found:
                known.cursors[subject, name] = [edge["cursor"] for edge in found["edges"]]
    return known


def _lists(known: Known) -> Iterator[tuple[Subject, str, str, str]]:
    """(subject, field, field at the root, field below it) of lists worth knowing."""
    yield ("Query",), "cpos", "cpos", ""
    yield ("Query",), "chargers", "chargers(first: 500)", ""
    for (cpo_id,) in known.ids["CPO"]:
        yield ("CPO", cpo_id), "locations", f"cpo(cpoId: {_text(cpo_id)})", "list: locations(first: 500)"
    for cpo_id, own in known.ids["Location"]:
        head = f"location(cpoId: {_text(cpo_id)}, locationId: {_text(own)})"
        yield ("Location", cpo_id, own), "chargers", head, "list: chargers"
    for cpo_id, own in known.ids["BulkLocationJob"]:
        head = f"bulkLocationJob(cpoId: {_text(cpo_id)}, jobId: {_text(own)})"
        yield ("BulkLocationJob", cpo_id, own), "locations", head, "list: locations"
    for (charger_id,) in known.ids["logged"]:
        yield ("Charger", charger_id), "logs", f"charger(chargerId: {_text(charger_id)})", "list: logs"


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()


def scripted_ids() -> Sequence[Any]:
    """The job that subscriptions follow."""
    return ("101", SCRIPTED_JOB)
