"""
Arguments: for each field that takes some, values that fit together, and now and then ones that do not.

Values are JSON with two additions: `Name` is an enum value, `Ref` is a variable.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from tests.differential.known import Known, Subject, scripted_ids
from tests.differential.serving import SCRIPTED_CPO

Arguments = dict[str, Any]
Drawn = tuple[Arguments, Subject | None]


class Name(str):
    """A value of an enum: bare in a document, text in variables."""

    __slots__ = ()


class Ref(str):
    """A variable, by its name without the dollar."""

    __slots__ = ()


def literal(value: Any, pick: random.Random) -> str:
    """A value as a document writes it."""
    if isinstance(value, Ref):
        return f"${value}"
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, list):
        return "[" + pick.choice([", ", " "]).join(literal(item, pick) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(item, pick)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and value.isalnum() and pick.random() < 0.1:
        return f'"""{value}"""'
    return msgspec.json.encode(value).decode()


def global_id(type_name: str, key: Sequence[str]) -> str:
    """The global id of a node."""
    return ":".join([type_name, *(quote(part, safe="~") for part in key)])


BAD_GLOBAL_IDS = (
    "",
    "CPO",
    "CPO:0",
    "CPO:999",
    "CPO:101:1",
    "Party:1",
    "Location:101:",
    "Location:101:loc-999",
)
BAD_GLOBAL_IDS += (
    "Charger:a/b",
    "cpo:101",
    "CPO:%31%30%31",
    "Provisioning:Location:1",
    "Charger:dep-none",
    "Location:9:x",
)
BAD_CPO_IDS = ("0", "", "abc", "٣", "-1", "1.5", "Location:101:loc-1", "101 ", "9" * 201)
_OTHERS = ("", "a/b", "..", "x" * 201, "é", "no-such", "Charger:dep-none", "CPO:101", "\u0000")
_MOMENTS = (
    "2026-04-16T10:15:30Z",
    "2026-04-16T12:15:30.5+02:00",
    "1999-01-01T00:00:00Z",
    "2030-01-01t00:00:00z",
)
_BAD_MOMENTS = (
    "yesterday",
    "2026-02-30T00:00:00Z",
    "2026-04-16T10:15:30",
    "",
    5,
    True,
    "0001-01-01T00:00:00+14:00",
)
_BAD_CURSORS = ("", "x", "1deadbeef.0.0000", "100000000.1", "é")


class Values:
    """
    Draws the arguments of fields.

    Args:
        known: what exists, and the cursors of its lists.
        honest: the share of arguments that are right.
    """

    def __init__(self, known: Known, *, honest: float) -> None:
        self._known = known
        self._honest = honest

    def draw(
        self, type_name: str, field: str, subject: Subject | None, fan: int, pick: random.Random
    ) -> Drawn:
        """
        The arguments of a field, and what it then leads to if that is known.

        Args:
            subject: what the field is below, if that is known.
            fan: of how many objects the field is selected, about.
        """
        own: Callable[..., Drawn] | None = getattr(self, f"_{field.strip('_').lower()}", None)
        if own is not None and type_name in {"Query", "Mutation", "Subscription"}:
            return own(pick, fan, type_name)
        return self._list(field, subject, fan, pick), None

    def _right(self, pick: random.Random) -> bool:
        return pick.random() < self._honest

    # --------------------------------------------------------------------------------------------- lookups

    def _node(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        if not self._right(pick):
            return {"id": pick.choice(BAD_GLOBAL_IDS)}, None
        type_name, key = self._any_node(pick)
        return {"id": global_id(type_name, key)}, (type_name, *key)

    def _nodes(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        if pick.random() < 0.04:
            return {"ids": global_id(*self._any_node(pick))}, None
        ids = [global_id(*self._any_node(pick)) for _ in range(pick.choice([0, 1, 2, 3, 4, 6, 12]))]
        if ids and pick.random() < 0.3:
            ids += ids[:2]
        if not self._right(pick):
            ids.insert(pick.randint(0, len(ids)), pick.choice(BAD_GLOBAL_IDS))
        return {"ids": ids}, None

    def _any_node(self, pick: random.Random) -> tuple[str, tuple[str, ...]]:
        type_name = pick.choice(["CPO", "Location", "Location", "Charger", "BulkLocationJob", "Provisioning"])
        return type_name, pick.choice(self._known.ids[type_name])

    def _cpo(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        if not self._right(pick):
            return {"cpoId": pick.choice([*BAD_CPO_IDS, "999", 0, 999])}, None
        (cpo_id,) = key = pick.choice(self._known.ids["CPO"])
        return {"cpoId": pick.choice([cpo_id, cpo_id, int(cpo_id), global_id("CPO", key)])}, ("CPO", cpo_id)

    def _location(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        return self._below_cpo("Location", "locationId", pick)

    def _bulklocationjob(self, pick: random.Random, _fan: int, type_name: str) -> Drawn:
        if type_name == "Subscription":
            finished = [key for n, key in enumerate(self._known.ids["BulkLocationJob"]) if n % 6 in {2, 3}]
            cpo_id, own = pick.choice(
                [scripted_ids(), scripted_ids(), pick.choice(finished), ("101", "no-such")]
            )
            if pick.random() < 0.3:
                return {"jobId": global_id("BulkLocationJob", (cpo_id, own))}, None
            return {"cpoId": cpo_id, "jobId": own}, None
        return self._below_cpo("BulkLocationJob", "jobId", pick)

    def _cpoprovisioning(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        return {"cpoId": pick.choice([SCRIPTED_CPO] * 4 + ["999", "abc"])}, None

    def _below_cpo(self, type_name: str, argument: str, pick: random.Random) -> Drawn:
        key = cpo_id, own = pick.choice(self._known.ids[type_name])
        subject = (type_name, *key)
        if self._right(pick):
            ways: list[Arguments] = [
                {"cpoId": cpo_id, argument: own},
                {argument: own, "cpoId": int(cpo_id)},
                {argument: global_id(type_name, key)},
                {argument: global_id(type_name, key), "cpoId": pick.choice([None, cpo_id, f"CPO:{cpo_id}"])},
            ]
            return pick.choice(ways), subject
        wrong: list[Arguments] = [
            {argument: own},
            {argument: global_id(type_name, key), "cpoId": "999"},
            {argument: pick.choice(_OTHERS), "cpoId": cpo_id},
            {argument: own, "cpoId": pick.choice(BAD_CPO_IDS)},
            {argument: own, "cpoId": "103"},
        ]
        return pick.choice(wrong), None

    def _charger(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        if not self._right(pick):
            return {"chargerId": pick.choice(_OTHERS)}, None
        key = pick.choice(self._known.ids[pick.choice(["Charger", "logged"])])
        return {"chargerId": pick.choice([key[0], global_id("Charger", key)])}, ("Charger", *key)

    # ----------------------------------------------------------------------------------------------- lists

    def _chargers(self, pick: random.Random, fan: int, _type: str) -> Drawn:
        given = self._list("chargers", ("Query",), fan, pick)
        if pick.random() < 0.35:
            given = {key: value for key, value in given.items() if key in {"first", "last"}}
            (place,) = pick.choice(self._known.ids["place"])
            given["ocppLocationId"] = place if self._right(pick) else pick.choice([None, *_OTHERS])
        return given, None

    def _locationtemplates(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        given: Arguments = {}
        if pick.random() < 0.5:
            given["currentType"] = (
                Name(pick.choice(["AC", "DC", "AC_DC"]))
                if self._right(pick)
                else pick.choice([None, "AC", Name("XX"), 1])
            )
        if pick.random() < 0.5:
            given["ocppVersion"] = pick.choice(["OCPP1.6", "OCPP2.0.1", "", None, "OCPP 9&x=1"])
        return given, None

    def _list(self, field: str, subject: Subject | None, fan: int, pick: random.Random) -> Arguments:
        given = dict(self._paging(self._known.cursors.get((subject or (), field), ()), fan, pick))
        if field == "logs" and pick.random() < 0.4:
            given = {key: value for key, value in given.items() if key in {"first", "last"}}
            given["from"] = pick.choice(_MOMENTS) if self._right(pick) else pick.choice([None, *_BAD_MOMENTS])
            if pick.random() < 0.5:
                given["to"] = pick.choice(_MOMENTS)
            if pick.random() < 0.5:
                given["action"] = pick.choice(["Heartbeat", "BootNotification", "", None, "é&a=b"])
        if field in {"fields", "enumValues", "args", "inputFields"}:  # of introspection
            return {"includeDeprecated": pick.choice([True, False])} if pick.random() < 0.4 else {}
        return given

    def _paging(self, cursors: Sequence[str], fan: int, pick: random.Random) -> Iterator[tuple[str, Any]]:
        most = max(1, 400 // fan)
        size = min(
            most,
            pick.choice([1, 2, 3, 5, 10, 50, 100, 101, 120, 250, 500] if fan == 1 else [1, 1, 2, 2, 3, 5]),
        )
        if not self._right(pick):
            yield from pick.choice(self._bad_pagings(size, cursors))
            return
        way = pick.choice(["none", "first", "first", "first", "last", "after", "before", "both", "null"])
        if way == "none" and fan > 8:
            way = "first"
        if not cursors and way in {"after", "before", "both"}:
            way = "first"
        if way in {"first", "null"} or (way in {"after", "both"} and pick.random() < 0.8):
            yield "first", size
        if way == "last" or (way == "before" and pick.random() < 0.8):
            yield "last", size
        if way in {"after", "both"}:
            yield (
                "after",
                pick.choice([cursors[0], cursors[len(cursors) // 2], cursors[-1], pick.choice(cursors)]),
            )
        if way in {"before", "both"}:
            yield "before", pick.choice([cursors[0], cursors[-1], pick.choice(cursors)])
        if way == "null":
            yield pick.choice(["after", "before", "last"]), None

    def _bad_pagings(self, size: int, cursors: Sequence[str]) -> list[list[tuple[str, Any]]]:
        others = [one for some in self._known.cursors.values() for one in some[:1]]
        foreign = others[size % len(others)] if others else "x"
        damaged = (cursors[0][:-1] + "z") if cursors else foreign[:-1] + "0"
        return [
            [("first", 0)],
            [("first", -1)],
            [("last", 501)],
            [("first", size), ("last", size)],
            [("first", 2**31)],
            [("first", 1.5)],
            [("last", "2")],
            [("after", foreign)],
            [("first", size), ("after", _BAD_CURSORS[size % len(_BAD_CURSORS)])],
            [("last", size), ("before", damaged)],
            [("first", size), ("after", 7)],
        ]

    # ---------------------------------------------------------------------------------------- introspection

    def _type(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        names = [
            "CPO",
            "Node",
            "Query",
            "CurrentType",
            "DateTime",
            "BulkLocationInput",
            "CPOConnection",
            "Nope",
            "__Type",
        ]
        return {"name": pick.choice(names)}, None

    # ------------------------------------------------------------------------------------------- mutations

    def _deletecpo(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        given, subject = self._cpo(pick, 1, "Mutation")
        return {"input": given}, subject

    def _deletelocation(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        given, subject = self._location(pick, 1, "Mutation")
        return {"input": given}, subject

    def _updatelocation(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        given, subject = self._location(pick, 1, "Mutation")
        return {"input": {**given, **self._place(pick, whole=False)}}, subject

    def _createcpo(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        right: Arguments = {
            "template": "small-1",
            "countryCode": "FR",
            "partyId": "AB1",
            "namePrefix": "mine",
        }
        wrong: Arguments = {
            "template": "nope",
            "countryCode": "fr",
            "partyId": "AB",
            "namePrefix": pick.choice(["", "REFUSE"]),
        }
        more: Arguments = {
            "role": pick.choice([Name("CPO"), Name("EMSP"), None]),
            "ocpiVersion": pick.choice(["2.2.1", "", None]),
            "seed": pick.choice([1, None]),
            "ttlSeconds": pick.choice([60, 59, None]),
            "overrides": pick.choice([None, {}, {"locationCount": 2}, {"chargersPerLocation": 0}]),
            "idempotencyKey": pick.choice(["key-1", "key-1", "", "é", None]),
        }
        chosen = {key: value for key, value in more.items() if pick.random() < 0.2}
        for key, value in wrong.items():
            right[key] = value if pick.random() < 0.07 else right[key]
        return {"input": {**right, **chosen}}, None

    def _bulkcreatelocations(self, pick: random.Random, _fan: int, _type: str) -> Drawn:
        given, subject = self._cpo(pick, 1, "Mutation")
        items = [self._item(pick) for _ in range(pick.choice([0, 1, 1, 2, 3]))]
        more = {"idempotencyKey": pick.choice(["key-2", "key-2", "key 3", ""])} if pick.random() < 0.3 else {}
        return {"input": {**given, "locations": items, **more}}, subject

    def _item(self, pick: random.Random) -> Any:
        if pick.random() < 0.03:
            return pick.choice([{}, {"location": None}, None, "x", {"location": None, "fromTemplate": None}])
        if pick.random() < 0.4:
            template: Arguments = {"template": pick.choice(["urban-1", "urban-2", "unknown", ""])}
            if pick.random() < 0.5:
                template["overrides"] = self._place(pick, whole=False) | (
                    {"identityPrefix": "P_"} if pick.random() < 0.3 else {}
                )
            return {"fromTemplate": template}
        place = self._place(pick, whole=True)
        if pick.random() < 0.4:
            group = {
                "brandSlug": "alfen",
                "modelSlug": "eve",
                "connectorType": "Type2",
                "ocppVersion": "OCPP1.6",
            }
            url = pick.choice(["wss://csms.example/ocpp", "http://x"])
            place["chargerGroups"] = [
                {
                    **group,
                    "wsUrl": url,
                    "identityPrefix": "S_",
                    "chargerIds": pick.choice([["1"], ["1", "1"], []]),
                }
            ]
        return {"location": place}

    def _place(self, pick: random.Random, *, whole: bool) -> Arguments:
        fields: Arguments = {
            "name": pick.choice(["Hub Bercy", "Hub é", "REFUSE", ""] if pick.random() < 0.3 else ["Hub"]),
            "address": "1 Rue de Bercy",
            "city": pick.choice(["Paris", "Paris", "Paris", "  "]),
            "country": pick.choice(["FR", "FR", "FR", "fr"]),
            "coordinates": {"latitude": pick.choice([48.84, 48, 91]), "longitude": pick.choice([2.38, -0.0])},
        }
        more: Arguments = {
            "timezone": pick.choice(["Europe/Paris", "Mars", None]),
            "ownerName": pick.choice(["VINCI", None]),
            "isPublic": pick.choice([True, False, None]),
            "parkingType": pick.choice([Name("ON_STREET"), Name("PARKING_LOT"), None]),
        }
        if not whole:
            fields = {key: value for key, value in fields.items() if pick.random() < 0.3}
        return fields | {key: value for key, value in more.items() if pick.random() < 0.15}
