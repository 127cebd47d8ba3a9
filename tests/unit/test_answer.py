"""What a client is told of a failure, and what is kept from it."""

import logging

import pytest
from graphql import GraphQLError, Source
from graphql.language import SourceLocation

from ocpplab_graphql.errors import BadUserInput, ErrorCode
from ocpplab_graphql.execution.answer import error_body, format_errors
from ocpplab_graphql.gateway.errors import GatewayRateLimited


def told(error, **options):
    [only], suppressed = format_errors([error], "r-1", at_most=10, **options)
    assert suppressed == 0
    return only


def test_an_error_of_ours_is_told_in_its_own_words_and_place():
    error = GraphQLError(
        "wrapped",
        source=Source("{ a }"),
        positions=[2],
        path=["a", 0],
        original_error=GatewayRateLimited("Wait.", retry_after_ms=7),
    )

    assert error.locations == [SourceLocation(1, 3)]
    assert told(error) == {
        "message": "Wait.",
        "extensions": {
            "code": "GATEWAY_RATE_LIMITED",
            "retryable": True,
            "requestId": "r-1",
            "retryAfterMs": 7,
        },
        "locations": [{"line": 1, "column": 3}],
        "path": ["a", 0],
    }


def test_an_error_of_ours_is_found_however_often_it_was_wrapped():
    inner = GraphQLError("inner", original_error=BadUserInput("Give first or last, not both."))

    assert told(GraphQLError("outer", original_error=inner))["message"] == "Give first or last, not both."


@pytest.mark.parametrize("code", [None, ErrorCode.GRAPHQL_PARSE_FAILED])
def test_an_error_of_the_document_keeps_its_words(code):
    assert told(GraphQLError("Unexpected <EOF>."), code=code) == {
        "message": "Unexpected <EOF>.",
        "extensions": {"code": code or "BAD_USER_INPUT", "retryable": False, "requestId": "r-1"},
    }


def test_anything_else_is_masked_and_logged(caplog):
    body = told(GraphQLError("secret", path=["a"], original_error=KeyError("secret")))

    assert body["message"] == "Something went wrong on our side. It has been logged under the request id r-1."
    assert body["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.ERROR, "request r-1: unexpected error at ['a']")
    ]


@pytest.mark.parametrize(("count", "listed", "suppressed"), [(0, 0, 0), (2, 2, 0), (3, 2, 1), (50, 2, 48)])
def test_errors_beyond_the_bound_are_counted(count, listed, suppressed):
    bodies, left_out = format_errors([GraphQLError("x")] * count, "r", at_most=2)

    assert (len(bodies), left_out) == (listed, suppressed)


def test_an_error_says_when_to_come_back_only_if_that_is_known():
    assert error_body("m", ErrorCode.OVERLOADED, "r")["extensions"] == {
        "code": "OVERLOADED",
        "retryable": False,
        "requestId": "r",
    }
    assert error_body("m", ErrorCode.OVERLOADED, "r", retry_after_ms=0)["extensions"]["retryAfterMs"] == 0
