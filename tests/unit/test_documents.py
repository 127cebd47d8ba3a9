"""Documents are prepared once, kept up to a bound, and refused before anything runs."""

import gc
import time

import pytest
from graphql import build_schema

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.documents import DocumentLimits, Documents, Refused, _nesting

SCHEMA = build_schema("type Query { me(text: String): Query name: String }")


def documents(**bounds):
    limits = DocumentLimits(tokens=bounds.pop("max_tokens", 100), nesting=bounds.pop("max_depth", 10))
    return Documents(SCHEMA, limits=limits, **{"size": 3, "introspection": True, **bounds})


def refused(kept, text):
    with pytest.raises(Refused) as told:
        kept.prepare(text)
    return told.value


def test_a_document_is_prepared_once():
    kept = documents()

    assert kept.prepare("{ name }") is kept.prepare("{ name }")


def test_the_document_that_was_longest_unused_makes_room():
    kept = documents(size=2)
    first, second = kept.prepare("{ a: name }"), kept.prepare("{ b: name }")
    kept.prepare("{ a: name }")
    kept.prepare("{ c: name }")

    assert list(kept._known) == ["{ a: name }", "{ c: name }"]
    assert kept.prepare("{ a: name }") is first
    assert kept.prepare("{ b: name }") is not second


def test_refused_documents_are_kept_within_the_same_bound():
    kept = documents(size=2)
    for n in range(10):
        refused(kept, f"{{ nothing{n} }}")

    assert len(kept._known) == 2


def test_a_refusal_that_is_repeated_holds_on_to_no_caller():
    kept = documents()

    class Caller:
        pass

    def call():
        caller = Caller()
        with pytest.raises(Refused):
            kept.prepare("{ nothing }")
        return caller

    for _ in range(5):
        call()
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Caller]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
        ("", "GRAPHQL_PARSE_FAILED", "Syntax Error: Unexpected <EOF>."),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing' on type 'Query'."),
        (
            "{ me " * 11 + "{ name }" + " }" * 11,
            "OPERATION_TOO_COMPLEX",
            "This document is nested 12 levels deep; 10 is the limit: select less far down.",
        ),
        (
            "{ " + "name " * 99 + "}",
            "OPERATION_TOO_COMPLEX",
            "This document is of more than 100 tokens; 100 is the limit: send a shorter one.",
        ),
    ],
)
def test_a_document_is_refused_with_a_code_and_the_reason(text, code, message):
    told = refused(documents(), text)

    assert (told.code, told.errors[0].message) == (ErrorCode(code), message)


def test_introspection_can_be_switched_off():
    told = refused(documents(introspection=False), "{ __schema { queryType { name } } }")

    assert told.code == ErrorCode.GRAPHQL_VALIDATION_FAILED
    assert documents(introspection=False).prepare("{ __typename }")
    assert documents().prepare("{ __schema { queryType { name } } }")


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("{ a { b } c { d } }", 2),
        ("{ a(x: [[1]]) }", 4),
        ('{ a(x: "{{{") }', 2),
        ('{ a(x: "\\"{{{") }', 2),
        ('{ a(x: """{{{ "{" \\""" {{{""") }', 2),
        ('{ a(x: """\\\\""" {{{ """) }', 2),
        ('{ a(x: """\\\n{{{""") { b { c } } }', 3),
        ('{ a(x: "") b(x: """""") { c } }', 2),
        ("{ a # {{{{\n { b } }", 2),
        ("{ a # comment\r { b { c } } }", 3),
    ],
)
def test_depth_counts_brackets_outside_strings_and_comments(text, depth):
    assert _nesting(text) == depth


@pytest.mark.parametrize(
    "head", ['{ me(text: """\\\n""") ', '{ me(text: """"a""") ', "{ me # \r", '{ me(text: "\\\\") ']
)
def test_nothing_before_it_hides_a_nesting(head):
    assert (
        refused(documents(max_tokens=50_000), head + "{ me " * 2000).code == ErrorCode.OPERATION_TOO_COMPLEX
    )


@pytest.mark.parametrize("text", ['"' + '\\"' * 100_000, '"""' + '\\"""' * 50_000, "{" + '"a\n' * 100_000])
def test_a_string_that_never_ends_is_looked_at_once(text):
    started = time.process_time()

    assert _nesting(text) <= 1
    assert time.process_time() - started < 2
