"""`ocpplab-graphql explain`: the calls of an operation, without a gateway."""

import subprocess
import sys


def explain(document, *options):
    command = [sys.executable, "-m", "ocpplab_graphql", "explain", "-", *options]
    return subprocess.run(command, input=document, capture_output=True, text=True, timeout=60, check=False)


def test_the_calls_are_printed_with_their_routes():
    run = explain(
        "query($n: Int) { cpos(first: $n) { nodes { locations { nodes { name } } } } }",
        "--variables",
        '{"n": 3}',
    )

    assert run.stdout.splitlines() == [
        "     1  GET /ocpi/cpos",
        "0 to 3  GET /ocpi/cpos/{cpo_id}/locations",
        "1 to 4  calls in all, for at most 153 nodes",
    ]
    assert run.returncode == 0


def test_what_cannot_be_planned_is_one_line():
    runs = {
        "{ nope }": (explain("{ nope }"), 1, "Cannot query field 'nope'"),
        "{ cpos { totalCount } }": (
            explain("{ cpos { totalCount } }", "--variables", "[]"),
            2,
            "--variables takes a JSON object",
        ),
    }

    for run, code, said in runs.values():
        assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (code, "", 1)
        assert said in run.stderr
