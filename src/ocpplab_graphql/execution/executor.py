"""One operation, from its text to its answer. Knows the schema it was given, and nothing of HTTP."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    execute,
)
from graphql.execution import Executor as CoreExecutor
from graphql.execution import create_source_event_stream, execute_subscription_event
from graphql.execution.values import VariableValues

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import format_errors
from ocpplab_graphql.execution.compiled import Engine
from ocpplab_graphql.execution.costing import Cost, known_cost, told
from ocpplab_graphql.execution.documents import Documents, Prepared, Refused
from ocpplab_graphql.execution.plan import Plan
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.telemetry import digest_of, observation


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
        secret: True when it may hold what must be kept nowhere.
    """

    body: dict[str, Any]
    executed: bool
    secret: bool = False


class ReadOnly(Exception):
    """A mutation was sent where only reading is allowed."""


class NeedsStream(Exception):
    """A subscription was sent where one answer is expected."""


class OperationContext(Protocol):
    """What the executor asks of a context: its request id, and to be told when the operation ends."""

    request_id: str
    loaders: Loaders
    limits: Any

    def extensions(self) -> dict[str, Any]:
        """What `extensions.gateway` says of the operation, beside its errors."""
        ...

    async def aclose(self) -> None:
        """Stop whatever of this operation still runs."""
        ...


class ContextFactory(Protocol):
    """Makes the context of one operation, or of one event of a stream, once it is known what it selects."""

    def __call__(self, narrowing: Narrowing, /) -> OperationContext: ...


@dataclass(frozen=True, slots=True)
class _Found:
    """An operation that may be executed, and with what."""

    prepared: Prepared
    plan: Plan
    variables: VariableValues

    @property
    def operation(self) -> OperationType:
        """Whether it reads, writes or follows."""
        return self.plan.operation.operation


@dataclass(frozen=True, slots=True)
class CostLimits:
    """
    What one operation may cost at most; see costing.py.

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
        engine: executes what it can in place of graphql-core.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Documents,
        *,
        errors_max: int,
        limits: CostLimits,
        engine: Engine | None = None,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._errors_max = errors_max
        self._limits = limits
        self._engine = engine

    @property
    def executions(self) -> Mapping[str, int]:
        """How many queries were executed how; see `compiled.Engine.counts`. Empty when none is compiled."""
        return {} if self._engine is None else self._engine.counts

    def follows(self, request: OperationRequest) -> bool:
        """Whether an operation is a subscription; one that will be refused is none."""
        try:
            operation = self._documents.prepare(request.query).operations.named(request.operation_name)
        except Refused:
            return False
        return operation is not None and operation.type is OperationType.SUBSCRIPTION

    async def execute(
        self,
        request: OperationRequest,
        make_context: ContextFactory,
        request_id: str,
        *,
        read_only: bool = False,
    ) -> Answer:
        """
        The answer to an operation; what fails in it is in its errors.

        Raises:
            ReadOnly: `read_only`, and it is a mutation.
            NeedsStream: it is a subscription.
        """
        found = self._found(request, request_id, read_only=read_only)
        if isinstance(found, Answer):
            return found
        if found.operation is OperationType.SUBSCRIPTION:
            raise NeedsStream
        return await self._run(found, request, make_context(found.prepared.narrowing))

    def refusal(self, refused: Refused, request_id: str) -> Answer:
        """The answer to a document that cannot be executed, or is not there."""
        return self._refusal(refused.errors, refused.code, request_id)

    def stream(
        self,
        request: OperationRequest,
        make_context: ContextFactory,
        request_id: str,
        *,
        read_only: bool = False,
    ) -> AsyncGenerator[Answer, None]:
        """
        The answers to an operation: one for each event of a subscription, one alone for anything else.

        The next event is taken when the next answer is asked for, and has a context of its own. Closing
        the stream ends the subscription.

        Raises:
            ReadOnly: `read_only`, and it is a mutation.
        """
        found = self._found(request, request_id, read_only=read_only)
        if isinstance(found, Answer):
            return _one(found)
        if found.operation is OperationType.SUBSCRIPTION:
            return self._events(found.prepared, request, make_context)
        return self._once(found, request, make_context(found.prepared.narrowing))

    def _found(self, request: OperationRequest, request_id: str, *, read_only: bool) -> "_Found | Answer":
        """The operation to execute, or the answer that refuses it."""
        seen = observation()
        try:
            prepared = self._documents.prepare(request.query)
        except Refused as refused:
            seen.asked(digest_of(request.query))
            return self.refusal(refused, request_id)
        seen.asked(prepared.digest)
        operation = prepared.operations.named(request.operation_name)
        if operation is None:
            return self._refusal([_no_operation(request)], ErrorCode.BAD_REQUEST, request_id)
        seen.runs(operation.kind, operation.name)
        if read_only and operation.type is OperationType.MUTATION:
            raise ReadOnly
        variables = operation.variables.coerced(request.variables or {})
        if isinstance(variables, list):
            return self._refusal(variables[:1], ErrorCode.BAD_USER_INPUT, request_id)
        try:
            plan = prepared.plans.of(operation.node, variables)
        except GraphQLError as error:  # a condition of @skip or @include that is null
            return self._refusal([error], ErrorCode.BAD_USER_INPUT, request_id)
        stopped = self._stopped(plan, variables, request, request_id)
        return _Found(prepared, plan, variables) if stopped is None else stopped

    def _stopped(
        self, plan: Plan, variables: VariableValues, request: OperationRequest, request_id: str
    ) -> Answer | None:
        """The answer in place of executing: the plan if that was asked for, or why it costs too much."""
        costs = known_cost(plan, variables, self._limits.page_size)
        if request.explain:
            return Answer({"data": None, "extensions": {"gateway": {"plan": told(costs)}}}, executed=True)
        too_much = self._too_expensive(costs)
        if too_much is not None:
            return self._refusal([too_much], ErrorCode.OPERATION_TOO_COMPLEX, request_id)
        return None

    async def _once(
        self, found: "_Found", request: OperationRequest, context: OperationContext
    ) -> AsyncGenerator[Answer, None]:
        yield await self._run(found, request, context)

    async def _events(
        self, prepared: Prepared, request: OperationRequest, make_context: ContextFactory
    ) -> AsyncGenerator[Answer, None]:
        # graphql-core's own `subscribe` gives all events one context, and so one store that goes stale.
        context = make_context(prepared.narrowing)
        try:
            source = await self._source(prepared, request, context)
            if isinstance(source, tuple):
                core, events = source
                async with aclosing(_with_failure(events)) as failing_last:
                    async for event in failing_last:
                        yield await self._event(core, event, make_context(prepared.narrowing))
            else:
                yield self._answer(source, context)
        finally:
            await context.aclose()

    async def _source(
        self, prepared: Prepared, request: OperationRequest, context: OperationContext
    ) -> tuple[CoreExecutor[Any], AsyncGenerator[Any, None]] | ExecutionResult:
        core = CoreExecutor.build(
            self._schema,
            prepared.document,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=request.operation_name,
        )
        if isinstance(core, list):
            return ExecutionResult(None, errors=core)
        made = create_source_event_stream(core)
        events = await made if isinstance(made, Awaitable) else made
        if isinstance(events, ExecutionResult):
            return events
        return core, cast("AsyncGenerator[Any, None]", events)

    async def _event(self, core: CoreExecutor[Any], event: Any, context: OperationContext) -> Answer:
        executor = core.build_per_event_executor(event)
        executor.context_value = context
        try:
            running = execute_subscription_event(executor)
            result = await running if isinstance(running, Awaitable) else running
        finally:
            await context.aclose()
        return self._answer(result, context)

    def _too_expensive(self, costs: Cost) -> GraphQLError | None:
        calls = costs.total.most
        if calls > self._limits.calls:
            said = f"could make {calls} gateway calls; {self._limits.calls} is the limit"
        elif costs.nodes > self._limits.nodes:
            said = f"could bring {costs.nodes} nodes; {self._limits.nodes} is the limit"
        else:
            return None
        return GraphQLError(f"This operation {said}: ask for smaller pages (first:), or for less below them.")

    async def _run(self, found: "_Found", request: OperationRequest, context: OperationContext) -> Answer:
        try:
            data = await self._compiled(found, context)
            if data is not None:
                return self._told(data, context, secret=found.prepared.secret)
            running = execute(
                self._schema,
                found.prepared.document,
                context_value=context,
                variable_values=request.variables,
                operation_name=request.operation_name,
            )
            result = await running if isinstance(running, Awaitable) else running
        finally:
            await context.aclose()
        return replace(self._answer(result, context), secret=found.prepared.secret)

    async def _compiled(self, found: "_Found", context: OperationContext) -> Any:
        """The data by the compiled way; None if it cannot be had so."""
        if self._engine is None or found.operation is not OperationType.QUERY:
            return None
        return await self._engine.data(found.plan, found.variables, context)

    def _told(self, data: Any, context: OperationContext, *, secret: bool) -> Answer:
        body = {"data": data}
        told = context.extensions()
        if told:
            body["extensions"] = {"gateway": told}
        return Answer(body, executed=True, secret=secret)

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


async def _one(answer: Answer) -> AsyncGenerator[Answer, None]:
    yield answer


async def _with_failure(events: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """The events; a source that fails has its exception as the last, which then is the field's error."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except Exception as failure:  # whatever it is, it belongs to who follows
            yield failure
