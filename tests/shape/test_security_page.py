"""What the security page says is defended is shown by tests that exist, in places that exist."""

import re

import pytest

from tests.shape.readme import README

ROOT = README.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)))
# Cells of the tables whose last column names tests.
DEFENCES = [
    [cell.strip() for cell in row.strip("| ").split(" | ")]
    for table in PAGE.split("| threat | defence | where | shown by |\n")[1:]
    for row in table.split("\n\n")[0].splitlines()[1:]
    if row.startswith("| ")
]


def named(cell):
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("test", TESTS)
def test_every_test_that_is_named_exists(test):
    path, _, name = test.partition("::")

    assert (ROOT / path).is_file()
    assert f"def {name or 'test_'}" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("row", DEFENCES, ids=lambda row: row[0])
def test_every_defence_has_a_place_and_a_test(row):
    _threat, _defence, where, shown_by = row
    source = ROOT / "src" / "ocpplab_graphql"

    assert named(where)
    assert [p for p in named(where) if not (ROOT / p).exists() and not (source / p).exists()] == []
    assert named(shown_by)
    assert set(named(shown_by)) <= set(TESTS)


def test_the_page_has_rows_to_check():
    assert len(DEFENCES) > 20


def test_the_policy_invents_no_address():
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

    assert re.findall(r"\S+@\S+|https?://\S+", policy) == []
    assert all((ROOT / link).exists() for link in re.findall(r"\]\(([^)]+)\)", policy))
