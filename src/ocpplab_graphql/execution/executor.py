"""One operation, from its text to its answer. Knows the schema it was given, and nothing of HTTP."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, execute, get_operation_ast

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import format_errors
from ocpplab_graphql.execution.documents import Documents, Prepared, Refused
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.telemetry import observation


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client asks to execute, already known to have these types."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The answer to one operation.

    Attributes:
        body: what is encoded as JSON.
        executed: False when the operation was refused as a whole, before any field ran.
    """

    body: dict[str, Any]
    executed: bool


class ReadOnly(Exception):
    """A mutation or subscription was sent where only queries are allowed."""


class OperationContext(Protocol):
    """What the executor asks of a context: its request id, and to be told when the operation ends."""

    request_id: str

    def extensions(self) -> dict[str, Any]:
        """What `extensions.gateway` says of the operation, beside its errors."""
        ...

    async def aclose(self) -> None:
        """Stop whatever of this operation still runs."""
        ...


class ContextFactory(Protocol):
    """Makes the context of one operation, once it is known what it selects."""

    def __call__(self, selected: Mapping[type[Record], frozenset[str]]) -> OperationContext: ...


class Executor:
    """
    Executes operations on a schema.

    Args:
        errors_max: how many errors an answer lists.
    """

    def __init__(self, schema: GraphQLSchema, documents: Documents, *, errors_max: int) -> None:
        self._schema = schema
        self._documents = documents
        self._errors_max = errors_max

    async def execute(
        self,
        request: OperationRequest,
        make_context: ContextFactory,
        request_id: str,
        *,
        queries_only: bool = False,
    ) -> Answer:
        """
        The answer to an operation; what fails in it is in its errors.

        Raises:
            ReadOnly: `queries_only`, and it is something else.
        """
        seen = observation()
        seen.asked(request.query)
        try:
            prepared = self._documents.prepare(request.query)
        except Refused as refused:
            return self._refusal(refused.errors, refused.code, request_id)
        operation = get_operation_ast(prepared.document, request.operation_name)
        if operation is None:
            return self._refusal([_no_operation(request)], ErrorCode.BAD_REQUEST, request_id)
        seen.runs(operation.operation.value, operation.name.value if operation.name else None)
        if queries_only and operation.operation is not OperationType.QUERY:
            raise ReadOnly
        if operation.operation is OperationType.SUBSCRIPTION:
            error = GraphQLError("Subscriptions need a streaming transport.")
            return self._refusal([error], ErrorCode.BAD_REQUEST, request_id)
        return await self._run(prepared, request, make_context(prepared.selected))

    async def _run(self, prepared: Prepared, request: OperationRequest, context: OperationContext) -> Answer:
        try:
            running = execute(
                self._schema,
                prepared.document,
                context_value=context,
                variable_values=request.variables,
                operation_name=request.operation_name,
            )
            result = await running if isinstance(running, Awaitable) else running
        finally:
            await context.aclose()
        return self._answer(result, context)

    def _answer(self, result: ExecutionResult, context: OperationContext) -> Answer:
        executed = result.data is not None or any(error.path for error in result.errors or ())
        body: dict[str, Any] = {"data": result.data} if executed else {}
        told = dict(context.extensions()) if executed else {}
        if result.errors:
            body["errors"], suppressed = format_errors(
                result.errors, context.request_id, at_most=self._errors_max
            )
            if suppressed:
                told["suppressedErrors"] = suppressed
        if told:
            body["extensions"] = {"gateway": told}
        return Answer(body, executed)

    def _refusal(self, errors: list[GraphQLError], code: ErrorCode, request_id: str) -> Answer:
        listed, _ = format_errors(errors, request_id, at_most=self._errors_max, code=code)
        return Answer({"errors": listed}, executed=False)


def _no_operation(request: OperationRequest) -> GraphQLError:
    if request.operation_name is None:
        return GraphQLError("The document holds several operations: say which one in operationName.")
    return GraphQLError(f"The document holds no operation named {request.operation_name!r}.")
