"""What a finished job says is read tolerantly."""

import pytest

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.records import ErrorRecord
from ocpplab_graphql.schema.job_results import Failure, as_text, failures, location_ids


@pytest.mark.parametrize(
    ("results", "ids"),
    [
        (None, None),
        ({}, []),
        ({"location_ids": ["a", "b"]}, ["a", "b"]),
        ({"locations": ["a", {"id": "b"}, {"location_id": "c"}]}, ["a", "b", "c"]),
        ({"created": [{"id": "a", "name": "x"}]}, ["a"]),
        ({"location_ids": [], "created": ["a"]}, []),
        ({"location_ids": None, "created": ["a"]}, ["a"]),
        ({"location_ids": "a", "created": ["b"]}, ["b"]),
    ],
)
def test_ids_are_found_under_any_of_their_names(results, ids):
    assert location_ids(results) == ids


@pytest.mark.parametrize(
    "results", [{"created": "a"}, {"location_ids": {}}, {"locations": 0, "created": None}]
)
def test_locations_that_are_no_list_are_an_invalid_response_and_not_none_at_all(results):
    with pytest.raises(GatewayInvalidResponse, match="location_ids are no list"):
        location_ids(results)


def test_failures_that_are_no_list_are_an_invalid_response_and_not_none_at_all():
    with pytest.raises(GatewayInvalidResponse, match="failed are no list"):
        failures({"failed": "all"})


@pytest.mark.parametrize("entry", [None, 7, "", {}, {"id": 7}, ["a"], "..", "a/b"])
def test_a_location_without_an_id_is_an_invalid_response(entry):
    with pytest.raises(GatewayInvalidResponse, match="a location that has no id"):
        location_ids({"location_ids": ["a", entry]})


@pytest.mark.parametrize(
    ("results", "failed"),
    [
        (None, None),
        ({}, []),
        (
            {"failed": ["x", {}, 7]},
            [
                Failure(None, None, ErrorRecord(code="unknown_error", message="x")),
                Failure(None, None, None),
                Failure(None, None, None),
            ],
        ),
        ({"failed": [{"index": 3, "name": "n"}]}, [Failure(3, "n", None)]),
        ({"failed": [{"index": -1, "name": 4}, {"index": 2**31}]}, [Failure(None, None, None)] * 2),
    ],
)
def test_failures_keep_what_can_be_read(results, failed):
    assert failures(results) == failed


@pytest.mark.parametrize(
    ("error", "record"),
    [
        ({"code": "c", "message": "m", "step": "s"}, ErrorRecord(code="c", message="m", step="s")),
        ({"message": "m"}, ErrorRecord(code="unknown_error", message="m")),
        ({}, ErrorRecord(code="unknown_error", message="")),
        ("went wrong", ErrorRecord(code="unknown_error", message="went wrong")),
        ({"code": 7}, ErrorRecord(code="unknown_error", message='{"code":7}')),
        (7, None),
    ],
)
def test_an_error_is_understood_in_any_shape(error, record):
    assert failures({"failed": [{"error": error}]}) == [Failure(None, None, record)]


def test_results_are_shown_as_they_came():
    assert (as_text(None), as_text({"a": [1, None]})) == (None, '{"a":[1,null]}')
