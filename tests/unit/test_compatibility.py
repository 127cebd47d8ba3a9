"""What clients of the last release were promised."""

from datetime import date

import pytest

from ocpplab_graphql.schema.compatibility import broken_promises

TODAY = date(2027, 7, 4)
SINCE_GONE = "Use `title`. Deprecated since 2027-01-03, gone from 2027-07-04."
RELEASED = f"""
type Query {{ site(id: ID!, near: String): Site  old: Old @deprecated(reason: "{SINCE_GONE}") }}
type Site {{ name: String @deprecated(reason: "{SINCE_GONE}")  title: String!  kind: Kind }}
type Old {{ kind: Kind }}
enum Kind {{ A B }}
input New {{ title: String! note: String }}
type Mutation {{ add(input: New!): Site }}
"""


def after(*replaced, today=TODAY):
    current = RELEASED
    for old, new in replaced:
        assert old in current
        current = current.replace(old, new)
    return broken_promises(RELEASED, current, today)


NAME = (f'name: String @deprecated(reason: "{SINCE_GONE}") ', "")
OLD = (f'old: Old @deprecated(reason: "{SINCE_GONE}") ', "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("kind: Kind }\ntype Old", "}\ntype Old"), "Site.kind was removed."),
        (("title: String!  kind", "title: String  kind"), "Site.title changed type from String! to String."),
        (("note: String", "note: String!"), "New.note changed type from String to String!."),
        (("note: String", "note: String more: Int!"), "New.more"),
        (("note: String", ""), "New.note was removed."),
        (("id: ID!, near: String", "id: ID!"), "Argument Query.site(near:) was removed."),
        (
            ("near: String", "near: String!"),
            "Argument Query.site(near:) has changed type from String to String!.",
        ),
        (("near: String", "near: String, far: Int!"), "A required argument Query.site(far:) was added."),
        (("{ A B }", "{ A }"), "Enum value Kind.B was removed."),
    ],
)
def test_a_change_that_breaks_a_client_is_told(change, said):
    (broken,) = after(change)

    assert said in broken


@pytest.mark.parametrize(
    "change",
    [
        ("kind: Kind }\ntype Old", "kind: Kind more: Int }\ntype Old"),
        ("near: String", "near: String, far: Int"),
        ("title: String! note", "title: String note"),
        ("{ A B }", "{ A B C }"),
    ],
)
def test_a_change_that_adds_breaks_nothing(change):
    assert after(change) == []


def test_what_is_deprecated_goes_on_the_day_announced_and_not_before():
    assert after(NAME) == []
    assert after(NAME, today=date(2027, 7, 3)) == ["Field Site.name was removed."]


def test_a_type_goes_with_the_last_field_that_leads_to_it():
    type_too = ("type Old { kind: Kind }", "")

    assert after(OLD, type_too) == []
    assert after(OLD) == []
    assert after(OLD, type_too, today=date(2027, 7, 3)) == [
        "Field Query.old was removed.",
        "Old was removed.",
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Use `title`.", "Site.kind is deprecated without dates"),
        ("Deprecated since 2027-02-30, gone from 2028-01-01.", "Site.kind is deprecated without dates"),
        (
            "Deprecated since 2027-07-04, gone from 2027-09-04.",
            "Site.kind is deprecated for less than 182 days.",
        ),
    ],
)
def test_a_deprecation_says_when_and_leaves_half_a_year(reason, said):
    (broken,) = after(("kind: Kind }\ntype Old", f'kind: Kind @deprecated(reason: "{reason}") }}\ntype Old'))

    assert broken.startswith(said)
