"""What is asked of every system: the documents, their variables, and what the floor does in their place."""

import json
from dataclasses import dataclass, field
from typing import Any

from bench.peers import world

TOKEN = "Bearer demo"

_SMALL = """\
query Names($cpoId: ID!, $first: Int!) {
  cpo(cpoId: $cpoId) { locations(first: $first) { nodes { id name city } } }
}
"""

_SCREEN = """\
query Screen($cpos: Int!, $locations: Int!) {
  cpos(first: $cpos) {
    edges {
      node {
        id
        cpoId
        namePrefix
        locations(first: $locations) {
          totalCount
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          edges {
            cursor
            node {
              id
              name
              address
              city
              country
              timezone
              coordinates { latitude longitude }
              isPublic
              createdAt
              chargers(first: 10) { edges { node { id identity connectorType ocppVersion } } }
            }
          }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Workload:
    """
    One operation.

    Attributes:
        name: as in the tables.
        says: what it is, in a line.
        floor: what the floor reads in its place, as a path below its address.
        connections: how many clients send it at once, unless said otherwise.
    """

    name: str
    says: str
    document: str
    floor: str
    variables: dict[str, Any] = field(default_factory=dict)
    connections: int = 8

    @property
    def body(self) -> bytes:
        """Of the POST."""
        return json.dumps({"query": self.document, "variables": self.variables}).encode()


def small() -> Workload:
    """W1."""
    return Workload(
        "W1",
        "a small query: 10 locations of one CPO, three fields each",
        _SMALL,
        "/page/101/10",
        {"cpoId": "101", "first": 10},
    )


def screen(cpos: int = 5, locations: int = 50, *, connections: int = 8) -> Workload:
    """W2: a mobile screen of so many CPOs with so many locations each."""
    return Workload(
        "W2",
        f"a nested screen: {cpos} CPOs, {locations} locations of each with paging, 4 chargers of each location",
        _SCREEN,
        f"/nested/{cpos}/{locations}",
        {"cpos": cpos, "locations": locations},
        connections,
    )


def by_id(*, connections: int = 8) -> Workload:
    """W3: locations of one CPO by their ids; a planner reads pages in their place."""
    keys = [("101", world.location_id("101", n)) for n in range(1, 26)]
    name = "W3" if connections > 1 else "W3, one client"
    says = "25 locations of one CPO by id, each asked for twice" + (
        ", one client" if connections == 1 else ""
    )
    return Workload(name, says, _by_id_document(keys), "/page/101/100", connections=connections)


def by_id_singly() -> Workload:
    """W3 with single reads only: 25 CPOs hold one each, so that no page saves a call."""
    keys = [(cpo_id, world.location_id(cpo_id, 7)) for cpo_id in world.cpo_ids()[:25]]
    says = "25 locations of 25 CPOs by id, each asked for twice: single reads only"
    return Workload("W3, single reads", says, _by_id_document(keys), "/singly/25/7")


def _by_id_document(keys: list[tuple[str, str]]) -> str:
    lines = (
        f'  a{n}: location(cpoId: "{cpo_id}", locationId: "{own_id}") {{ id name city }}\n'
        for n, (cpo_id, own_id) in enumerate(keys * 2)
    )
    return "query Favourites {\n" + "".join(lines) + "}\n"


def compared() -> list[Workload]:
    """What is checked for equal answers and then measured, in the order of the tables."""
    return [small(), screen(), by_id(), by_id(connections=1), by_id_singly()]
