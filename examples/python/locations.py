"""
All locations of a CPO, page after page, with httpx and nothing else; then what an error looks like.

    python locations.py [URL [TOKEN]]
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict, cast

import httpx

LOCATIONS = """
query Locations($cpoId: ID!, $after: String) {
  cpo(cpoId: $cpoId) {
    locations(first: 50, after: $after) {
      nodes { id name city coordinates { latitude longitude } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


class Coordinates(TypedDict):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


class Location(TypedDict):
    """What LOCATIONS selects of a location."""

    id: str
    name: str | None
    city: str | None
    coordinates: Coordinates | None


class PageInfo(TypedDict):
    """Whether to ask for more, and from where."""

    hasNextPage: bool
    endCursor: str | None


class LocationPage(TypedDict):
    """A page; a row that could not be read is None, and has an error."""

    nodes: list[Location | None]
    pageInfo: PageInfo


class Extensions(TypedDict):
    """What a program needs to know of an error."""

    code: str
    retryable: bool
    requestId: str
    retryAfterMs: NotRequired[int]


class Problem(Exception):
    """The answer has errors; `errors` are their extensions, in order."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(error["message"] for error in errors))
        self.errors = [cast("Extensions", error["extensions"]) for error in errors]


class Client:
    """A GraphQL endpoint and a token."""

    def __init__(self, url: str, token: str) -> None:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/graphql-response+json, application/json;q=0.9",
            "apollographql-client-name": "python-example",
        }
        self._http = httpx.Client(headers=headers, timeout=15)
        self._url = url

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """
        The data of an answer.

        Raises:
            Problem: it has errors.
        """
        answer = self._http.post(self._url, json={"query": query, "variables": variables}).json()
        if answer.get("errors"):
            raise Problem(answer["errors"])
        return cast("dict[str, Any]", answer["data"])

    def locations(self, cpo_id: str, after: str | None = None) -> Iterator[Location]:
        """All locations of a CPO after a cursor; more is asked for while there is more."""
        more = True
        while more:
            cpo = self.ask(LOCATIONS, {"cpoId": cpo_id, "after": after})["cpo"]
            if cpo is None:
                return
            page: LocationPage = cpo["locations"]
            yield from (node for node in page["nodes"] if node is not None)
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]


def main(url: str = "http://127.0.0.1:8000/graphql", token: str = "demo") -> None:
    """Count locations and cities, and make one mistake."""
    client = Client(url, token)
    locations = list(client.locations("101"))
    refused = None
    try:
        next(client.locations("101", after="no cursor"))
    except Problem as problem:
        refused = problem.errors[0]["code"]
    cities = {location["city"] for location in locations if location["city"]}
    told = {"locations": len({place["id"] for place in locations}), "cities": len(cities), "refused": refused}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
