"""What the documents say is what the code does."""

import json
import re
from pathlib import Path

import pytest

from ocpplab_graphql import errors
from ocpplab_graphql.errors import ErrorCode, FacadeError
from ocpplab_graphql.gateway import errors as gateway_errors
from tests.shape.readme import README, with_generated_parts

ROOT = README.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_the_settings_table_is_current():
    text = README.read_text(encoding="utf-8")

    assert text == with_generated_parts(text), "run `make docs`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(document):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")))

    assert named <= targets


async def test_the_first_query_of_the_readme_has_the_answer_shown(graphql):
    text = README.read_text(encoding="utf-8")
    query = re.search(r"```graphql\n(.*?)```", text, re.DOTALL)[1]
    answer = re.search(r"```json\n(.*?)```", text, re.DOTALL)[1]

    assert await graphql(query) == json.loads(answer)


def subclasses(of):
    for cls in of.__subclasses__():
        yield cls
        yield from subclasses(cls)


@pytest.mark.parametrize("cls", sorted(subclasses(FacadeError), key=str), ids=lambda cls: cls.__name__)
def test_every_error_has_a_code_a_docstring_and_a_place_in_the_drawing(cls):
    drawing = (errors if cls.__module__ == errors.__name__ else gateway_errors).__doc__

    assert isinstance(cls.code, ErrorCode)
    assert cls.__doc__
    assert cls.__name__ in drawing


def test_the_product_speaks_of_itself_alone():
    said = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    files = ROOT.joinpath("src").rglob("*.py")

    assert [str(p.relative_to(ROOT)) for p in files if said.search(p.read_text(encoding="utf-8"))] == []


def test_no_pin_names_an_index():
    files = Path(ROOT / "requirements").glob("*.txt")

    assert [p.name for p in files if re.search(r"https?://|--index|--find-links", p.read_text())] == []
