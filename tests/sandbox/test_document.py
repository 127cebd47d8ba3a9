"""
Requests made from the OpenAPI document: no answer is a 500, and none breaks what the document tells.

The long form, with the counts: `make fuzz-sandbox`.
"""

import signal
import warnings

import pytest

from bench.sandbox.chaos import Process


@pytest.mark.timeout(300)
def test_the_document_is_kept_to_by_every_answer(sqlite_database):
    with warnings.catch_warnings():
        # Of the fuzzer's own making, on import and while it makes requests.
        warnings.simplefilter("ignore")
        from bench.sandbox.fuzz import fuzz

        process = Process(sqlite_database, 0)
        try:
            told, problems = fuzz(process.base, examples=3, seed=1)
        finally:
            process.stop(signal.SIGTERM)

    assert problems == []
    assert len(told) == 23
    assert all(statuses for statuses in told.values())
