"""One operation, from its text to its answer. Knows the schema it was given, and nothing of HTTP."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, execute, get_operation_ast

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import format_errors
from ocpplab_graphql.execution.documents import Documents, Prepared, Refused
from ocpplab_graphql.execution.plan import Cost, cost, told
from ocpplab_graphql.gateway.records import Record


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """
    What a client asks to execute, already known to have these types.

    Attributes:
        explain: only tell what it would cost; execute nothing.
    """

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    explain: bool = False


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

    def __call__(self, selected: Mapping[type[Record], frozenset[str]], /) -> OperationContext: ...


@dataclass(frozen=True, slots=True)
class CostLimits:
    """
    What one operation may cost at most; see plan.py.

    Attributes:
        calls: gateway calls.
        nodes: rows of lists and objects with an id.
        page_size: rows of a connection that names none, for reckoning.
    """

    calls: int = 5_000
    nodes: int = 250_000
    page_size: int = 50


class Executor:
    """
    Executes operations on a schema.

    Args:
        errors_max: how many errors an answer lists.
    """

    def __init__(
        self, schema: GraphQLSchema, documents: Documents, *, errors_max: int, limits: CostLimits
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._errors_max = errors_max
        self._limits = limits

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
        try:
            prepared = self._documents.prepare(request.query)
        except Refused as refused:
            return self._refusal(refused.errors, refused.code, request_id)
        operation = get_operation_ast(prepared.document, request.operation_name)
        if operation is None:
            return self._refusal([_no_operation(request)], ErrorCode.BAD_REQUEST, request_id)
        if queries_only and operation.operation is not OperationType.QUERY:
            raise ReadOnly
        if operation.operation is OperationType.SUBSCRIPTION:
            error = GraphQLError("Subscriptions need a streaming transport.")
            return self._refusal([error], ErrorCode.BAD_REQUEST, request_id)
        try:
            costs = cost(
                prepared.plans[operation.name.value if operation.name else None],
                self._schema,
                request.variables or {},
                self._limits.page_size,
            )
        except GraphQLError as error:
            return self._refusal([error], ErrorCode.BAD_USER_INPUT, request_id)
        if request.explain:
            return Answer({"data": None, "extensions": {"gateway": {"plan": told(costs)}}}, executed=True)
        too_much = self._too_expensive(costs)
        if too_much is not None:
            return self._refusal([too_much], ErrorCode.OPERATION_TOO_COMPLEX, request_id)
        return await self._run(prepared, request, make_context(prepared.selected))

    def _too_expensive(self, costs: Cost) -> GraphQLError | None:
        calls = costs.total.most
        if calls > self._limits.calls:
            said = f"could make {calls} gateway calls; {self._limits.calls} is the limit"
        elif costs.nodes > self._limits.nodes:
            said = f"could bring {costs.nodes} nodes; {self._limits.nodes} is the limit"
        else:
            return None
        return GraphQLError(f"This operation {said}: ask for smaller pages (first:), or for less below them.")

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
