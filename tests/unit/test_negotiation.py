"""Which media type an Accept header asks for."""

import pytest

from ocpplab_graphql.http.negotiation import GRAPHQL_RESPONSE, JSON, accepts_html, negotiated


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON; charset=UTF-8", JSON),
        ('application/json; charset="utf-8"', JSON),
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json; q=0.5, application/json", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0, application/graphql-response+json;q=0.1", GRAPHQL_RESPONSE),
        ("application/json;q=0, */*", GRAPHQL_RESPONSE),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
        ("application/json;q=nan", None),
        ("application/json; charset=latin-1", None),
        ("*/*;q=0", None),
        (",;,", None),
    ],
)
def test_an_accept_header_asks_for_this(accept, media_type):
    assert negotiated(accept) == media_type


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("text/html, application/json", True),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0", False),
        ("*/*", False),
        (None, False),
    ],
)
def test_only_a_browser_is_given_a_page(accept, page):
    assert accepts_html(accept) is page
