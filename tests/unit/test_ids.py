"""Global ids: one spelling each, back and forth, and errors that say what is expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.schema.ids import cpo_key, global_id, key_below_cpo, key_of_argument, parse_global_id

own_ids = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=50).filter(
    lambda text: text.isprintable() and "/" not in text and "\\" not in text and text not in {".", ".."}
)
cpo_ids = st.integers(1, 10**30).map(str)


@given(cpo_ids, own_ids)
def test_an_id_is_read_back_as_it_was_made(cpo_id, own_id):
    for type_name, key in (
        ("CPO", (cpo_id,)),
        ("Location", (cpo_id, own_id)),
        ("Charger", (own_id,)),
        ("BulkLocationJob", (cpo_id, own_id)),
        ("Provisioning", ("Charger", own_id)),
    ):
        made = global_id(type_name, *key)
        assert parse_global_id(made) == (type_name, key)
        assert made.count(":") == len(key)


@given(own_ids, own_ids)
def test_different_nodes_have_different_ids(one, other):
    assert (global_id("Charger", one) == global_id("Charger", other)) == (one == other)


@pytest.mark.parametrize(
    ("type_name", "key", "text"),
    [
        ("CPO", ("101",), "CPO:101"),
        ("Location", ("101", "loc-42"), "Location:101:loc-42"),
        ("Charger", ("a:b c%",), "Charger:a%3Ab%20c%25"),
        ("Charger", ("é~._-",), "Charger:%C3%A9~._-"),
    ],
)
def test_an_id_is_readable(type_name, key, text):
    assert global_id(type_name, *key) == text


@pytest.mark.parametrize(
    "text", ["", "CPO", "101", "Cpo:101", "CPO:1:2", "Location:101", "Node:1", "Q1BPOjEwMQ==", "CPO101:"]
)
def test_what_is_no_global_id_is_told_what_one_looks_like(text):
    with pytest.raises(BadUserInput) as told:
        parse_global_id(text)

    assert told.value.message == (
        f"Expected a global id such as CPO:101, Location:101:loc-42, Charger:dep-1, got {text!r}."
    )


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("Charger:%61", "Charger:a"), ("Charger:a b", "Charger:a%20b"), ("Charger:%c3%a9", "Charger:%C3%A9")],
)
def test_another_spelling_is_told_the_one_there_is(text, spelling):
    with pytest.raises(BadUserInput) as told:
        parse_global_id(text)

    assert told.value.message == f"Expected {spelling!r}, its one spelling, got {text!r}."


@pytest.mark.parametrize(
    "text",
    [
        "CPO:",
        "CPO:0",
        "CPO:007",
        "CPO:٣",
        "CPO:%31",
        "Location:101:",
        "Location:x:loc-1",
        "Charger:..",
        "Charger:%2E%2E",
        "Charger:a%2Fb",
        "Charger:%FF",
        "Charger:%00",
        "Charger:%",
        "Provisioning:Location:1",
    ],
)
def test_an_id_that_can_be_none_is_refused(text):
    with pytest.raises(BadUserInput):
        parse_global_id(text)


def test_an_argument_takes_the_gateways_own_id_or_a_global_one():
    assert key_of_argument("dep-1", "Charger", "chargerId") == ("dep-1",)
    assert key_of_argument("Charger:dep-1", "Charger", "chargerId") == ("dep-1",)
    assert key_of_argument("urn:dep:1", "Charger", "chargerId") == ("urn:dep:1",)
    assert (cpo_key("101"), cpo_key("CPO:101")) == ("101", "101")


def test_an_argument_refuses_the_id_of_another_type():
    with pytest.raises(BadUserInput) as told:
        cpo_key("Charger:dep-1")

    assert told.value.message == "cpoId takes a CPO id, got the id of a Charger: 'Charger:dep-1'."


@pytest.mark.parametrize(
    ("cpo_id", "own_id"),
    [
        ("101", "loc-1"),
        ("CPO:101", "loc-1"),
        (None, "Location:101:loc-1"),
        ("101", "Location:101:loc-1"),
    ],
)
def test_a_node_below_a_cpo_is_named_in_four_ways(cpo_id, own_id):
    assert key_below_cpo(cpo_id, own_id, "Location", "locationId") == ("101", "loc-1")


@pytest.mark.parametrize(
    ("cpo_id", "own_id", "message"),
    [
        (
            None,
            "loc-1",
            "locationId 'loc-1' is the gateway's own id: give cpoId too, or a global id such as Location:101:loc-1.",
        ),
        ("102", "Location:101:loc-1", "cpoId 102 and locationId 'Location:101:loc-1' name different CPOs."),
    ],
)
def test_a_node_below_a_cpo_must_be_named_wholly_and_once(cpo_id, own_id, message):
    with pytest.raises(BadUserInput) as told:
        key_below_cpo(cpo_id, own_id, "Location", "locationId")

    assert told.value.message == message
