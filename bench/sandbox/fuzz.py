"""
Requests made from the OpenAPI document, right and wrong ones, against a running sandbox.

No answer may be a 500, and every answer must be one that the document tells: its status, its content type,
its body. The document is believed in both directions.

    python -m bench.sandbox.fuzz --examples 200
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bench.sandbox.chaos import Process

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# Ids that exist, for some of the requests: an id out of the blue only ever meets 404.
KNOWN = {
    "cpo_id": "101",
    "location_id": "loc-7",
    "charger_id": "dep-7",
    "ocpp_location_id": "ocpp-loc-7",
}
DEMO = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"
TOKENS = ["demo", "admin", "demo", "org-fuzz", "demo", "admin", "nobody"]


def fuzz(base: str, examples: int, seed: int | None = None) -> tuple[dict[str, Counter], list[str]]:
    """Statuses of each operation, and what was wrong with any answer."""
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    told: dict[str, Counter] = {}
    problems: list[str] = []
    operations = [result.ok() for result in schema.get_all_operations()]
    # What others read is deleted last, and nothing is asked for after faults may have been set.
    for operation in sorted(operations, key=_late_if_destructive):
        told[operation.label] = Counter()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                _run(strategy, base, examples, told[operation.label], problems, seed)
            except (Unsatisfiable, schemathesis.errors.SchemathesisError):
                # An operation without parameters cannot be asked wrongly.
                continue
    return told, problems


def _late_if_destructive(operation) -> tuple[bool, bool, int]:
    deletes = operation.method.lower() == "delete"
    return operation.path == "/faults", deletes, -len(operation.path) if deletes else 0


def _run(
    strategy, base: str, examples: int, statuses: Counter, problems: list[str], seed: int | None
) -> None:
    turn = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case) -> None:
        nonlocal turn
        turn += 1
        if turn % 2:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = KNOWN.get(name, case.path_parameters[name])
            if isinstance(case.body, dict) and isinstance(case.body.get("template"), str):
                case.body["template"] = "small-urban-ac"
        token = TOKENS[turn % len(TOKENS)]
        headers = {"Authorization": f"Bearer {token}"}
        if turn % 5:
            # Nearly always what the token needs, or every answer would be about this header.
            for name in [name for name in case.headers or {} if name.lower() == "x-organization-id"]:
                del case.headers[name]
            if token == "admin":
                headers["X-Organization-Id"] = DEMO
        answer = case.call(base_url=base, headers=headers)
        statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except (AssertionError, schemathesis.errors.SchemathesisError, BaseExceptionGroup) as error:
            problems.append(f"{case.method} {case.formatted_path}: {answer.status_code}: {error}"[:1500])

    (seeded(seed)(ask) if seed is not None else ask)()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100, help="of each operation, right and wrong ones")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process = Process(str(Path(folder) / "fuzz.db"), 0)
        try:
            told, problems = fuzz(process.base, chosen.examples, chosen.seed)
        finally:
            process.stop(15)
    for label, statuses in told.items():
        print(f"{label:<60} {dict(sorted(statuses.items(), key=str))}")
    total = sum(count for statuses in told.values() for count in statuses.values())
    print(f"{total:,} requests, {len(problems)} answers that break the document")
    for problem in problems[:10]:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
