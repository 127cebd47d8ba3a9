"""Documents that are refused: not GraphQL any more, or not of our schema."""

import random
from collections.abc import Callable


def spoilt(text: str, pick: random.Random) -> str:
    """A document that is not one any more, or not one of our schema; now and then it stays one."""
    at = pick.randrange(len(text))
    ways: list[Callable[[], str]] = [
        lambda: text[:at],
        lambda: text[:at] + pick.choice('{}()$@!"é:\u0000') + text[at:],
        lambda: text.replace(" id", " idd", 1).replace(" name", " nam", 1) + " ",
        lambda: text + " { __typename }",
        lambda: text + " fragment Unused on CPO { id }",
        lambda: text.replace("{", "{ cpos: cpoTemplates { slug } cpos { totalCount } ", 1),
        lambda: text.replace("{", "{ ...Nowhere ", 1),
        lambda: text.replace("{", "{ chargers(first: $nowhere) { totalCount } ", 1),
        lambda: text.replace("{", "{ cpos ", 1),
        lambda: text.replace("{", "{ cpo { id } ", 1),
        lambda: text.replace("{", "{ cpos(last: TWO) { totalCount } ", 1),
        lambda: text.replace("{", "{ __typename @defer ", 1),
        lambda: text.replace("{", "{ __typename { id } ", 1),
        lambda: text.replace("{", "{ charger(chargerId: null) { id } ", 1),
        lambda: text.replace("{", "{ node(id: 1.5) { ... on Party { role } } ", 1),
        lambda: "type X { id: ID } " + text,
        lambda: pick.choice(
            [
                "",
                " ",
                "#",
                "{",
                "{}",
                "query { }",
                "subscription { a: cpoProvisioning(cpoId: 1) { id } b: cpoProvisioning(cpoId: 1) { id } }",
            ]
        ),
        lambda: "{ " + "cpos { nodes { locations { nodes { cpo { " * 8 + "id" + " }" * 40 + " }",
    ]
    return pick.choice([*ways, *ways[:2] * 3])()
