"""The schema that is published: current, and described to the last enum value."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLNamedType, build_schema

from ocpplab_graphql.cli import main
from ocpplab_graphql.schema import sdl

COMMITTED = Path(__file__).parents[2] / "schema.graphql"
SCHEMA = build_schema(COMMITTED.read_text(encoding="utf-8"))
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}
TYPES = [t for name, t in SCHEMA.type_map.items() if not name.startswith("__") and name not in BUILT_IN]


def described_parts(named: GraphQLNamedType) -> dict[str, str | None]:
    parts = {named.name: named.description}
    for name, field in getattr(named, "fields", {}).items():
        parts[f"{named.name}.{name}"] = field.description
        for argument, definition in getattr(field, "args", {}).items():
            parts[f"{named.name}.{name}({argument}:)"] = definition.description
    if isinstance(named, GraphQLEnumType):
        parts |= {f"{named.name}.{name}": value.description for name, value in named.values.items()}
    return parts


def test_the_committed_schema_is_current():
    assert COMMITTED.read_text(encoding="utf-8") == sdl(), "run `make schema`"


@pytest.mark.parametrize("named", TYPES, ids=str)
def test_every_part_of_a_type_says_more_than_its_name(named):
    parts = described_parts(named)

    assert [part for part, text in parts.items() if not says_more(part, text)] == []


def says_more(part: str, text: str | None) -> bool:
    own_words = set(part.lower().replace(".", " ").replace("(", " ").replace(":)", "").split())
    words = {word.strip(".,;`").lower() for word in (text or "").split()}
    return len(words - own_words) >= 1 and (text or "").rstrip().endswith((".", "`"))


def test_inputs_and_connections_are_there():
    assert isinstance(SCHEMA.get_type("BulkCreateLocationsInput"), GraphQLInputObjectType)
    assert {"CPOConnection", "LocationConnection", "ChargerConnection", "LocationChargerConnection"} <= set(
        SCHEMA.type_map
    )


RELEASED = COMMITTED.parent / "docs" / "schema" / "released.graphql"


def test_clients_of_the_last_release_go_on_working():
    check = CliRunner().invoke(main, ["schema", "--released", str(RELEASED)])

    assert (check.exit_code, check.output) == (0, f"Clients of {RELEASED} go on working.\n")


def test_a_release_that_would_break_clients_fails_the_check(tmp_path):
    promised_more = tmp_path / "released.graphql"
    text = RELEASED.read_text(encoding="utf-8")
    promised_more.write_text(
        text.replace("type Party {", "type Party {\n  colour: String\n"), encoding="utf-8"
    )

    check = CliRunner().invoke(main, ["schema", "--released", str(promised_more)])

    assert check.exit_code == 1
    assert "Field Party.colour was removed." in check.output
