"""The console's example operations: in the schema, explained, and running on the demo world."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate
from graphql.execution.values import get_variable_values

from tests.conftest import GraphQL

ROOT = Path(__file__).parents[2]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
EXAMPLES = sorted((ROOT / "console/src/examples").glob("*.graphql"))
COLUMNS = 48  # of the query editor in a window of 1280 pixels


def document(example: Path) -> str:
    return example.read_text(encoding="utf-8")


def operation_in(example: Path) -> OperationDefinitionNode:
    """The one operation of a document."""
    [operation] = parse(document(example)).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def variables_of(example: Path) -> dict[str, Any]:
    path = example.with_suffix(".json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}  # type: ignore[no-any-return]


# What the server cannot run, the console does not offer.
OFFERED = [example for example in EXAMPLES if SCHEMA.get_root_type(operation_in(example).operation)]
ANSWERED = [one for one in OFFERED if operation_in(one).operation is not OperationType.SUBSCRIPTION]


@pytest.mark.parametrize("example", OFFERED, ids=lambda path: path.stem)
def test_an_example_is_in_the_schema_with_its_variables(example: Path) -> None:
    variables = get_variable_values(
        SCHEMA, operation_in(example).variable_definitions or (), variables_of(example)
    )

    assert validate(SCHEMA, parse(document(example))) == []
    assert not isinstance(variables, list), variables


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_what_it_shows_and_fits_into_the_editor(example: Path) -> None:
    lines = document(example).splitlines()

    assert lines[0].startswith("# ")
    assert "" in lines
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_each_example_has_a_name_of_its_own_and_each_file_of_variables_an_example() -> None:
    names = [operation.name and operation.name.value for operation in map(operation_in, EXAMPLES)]

    assert None not in names
    assert len(set(names)) == len(names) == 8
    variables = (ROOT / "console/src/examples").glob("*.json")
    assert {path.stem for path in variables} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("example", ANSWERED, ids=lambda path: path.stem)
async def test_an_example_runs_on_the_demo_world(graphql: GraphQL, example: Path) -> None:
    data = await graphql.data(document(example), variables_of(example))

    if "bad-input" in example.stem:
        assert [error["path"][-1] for error in data["bulkCreateLocations"]["userErrors"]] == [
            "name",
            "latitude",
        ]
    elif "follow-job" in example.stem:
        assert data == {"bulkLocationJob": None}  # there is none before "Create locations"
    else:
        assert None not in data.values()
