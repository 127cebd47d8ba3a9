"""
Queries executed by code that is generated for them.

A plan becomes a `Program`: places (the objects of one type at one point of the operation), what must be
read for each, level by level and in complete batches, and one generated function per place that makes the
rows into the answer. Nothing here knows how to fail well: whatever is not as expected raises
`Unforeseen`, and graphql-core executes the operation over the rows already fetched, so that every error
is the reference's own. The same declarations (`bindings.py`) drive both ways.
"""

from collections import Counter
from typing import Any, Protocol

from graphql import GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.execution.compiled.compiler import compiled
from ocpplab_graphql.execution.compiled.program import Program, Run, Unforeseen
from ocpplab_graphql.execution.compiled.rules import Rules
from ocpplab_graphql.execution.compiled.writing import Uncovered
from ocpplab_graphql.execution.plan import Plan
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.telemetry import logger

__all__ = ["Engine", "Rules"]


class CompiledContext(Protocol):
    """What the engine asks of an operation's context."""

    @property
    def loaders(self) -> Loaders:
        """The loaders of the operation."""
        ...

    @property
    def limits(self) -> Any:
        """The limits that `Rules` know."""
        ...


class Engine:
    """
    Executes the queries that it can, and counts what came of each.

    Args:
        after: executions of one plan before it is compiled: compiling costs as much as some executions.

    Attributes:
        counts: `compiled`; `cold` while a plan was executed too seldom; `uncovered` for what is left to
            graphql-core always; and by its reason whatever was begun and then left to it.
    """

    def __init__(self, schema: GraphQLSchema, rules: Rules, *, after: int = 2) -> None:
        self._schema = schema
        self._rules = rules
        self._after = after
        self.counts: Counter[str] = Counter()

    async def data(self, plan: Plan, variables: VariableValues, context: CompiledContext) -> Any | None:
        """The `data` of a query, ready to be encoded; None if graphql-core has to execute it."""
        program = self._program(plan)
        if program is None:
            return None
        try:
            data = await self._run(
                program, plan, Run(variables, context.loaders, context.limits, self._rules)
            )
        except Unforeseen as unforeseen:
            self.counts[unforeseen.reason] += 1
            return None
        except (FacadeError, GraphQLError):  # an argument, or a variable that is null where none may be
            self.counts["refused"] += 1
            return None
        except Exception:  # a defect of ours must not cost the client the answer
            self.counts["defect"] += 1
            logger.exception("compiled execution failed; the operation is executed otherwise")
            return None
        self.counts["compiled"] += 1
        return data

    async def _run(self, program: Program, plan: Plan, run: Run) -> Any:
        try:
            return await program.data(run)
        except Unforeseen as unforeseen:
            if unforeseen.reason != "incomplete":
                raise
        # Some row lacks what another record may tell: the other program reads that too.
        thorough = plan.memory.get("thorough")
        if thorough is None:
            thorough = plan.memory["thorough"] = compiled(self._schema, plan, thorough=True)
        return await thorough.data(run.again())

    def _program(self, plan: Plan) -> Program | None:
        program: Program | None = plan.memory.get("program")
        if program is not None:
            return program
        if "program" in plan.memory:
            self.counts["uncovered"] += 1
            return None
        seen = plan.memory["executions"] = plan.memory.get("executions", 0) + 1
        if seen < self._after:
            self.counts["cold"] += 1
            return None
        try:
            program = compiled(self._schema, plan, thorough=False)
        except Uncovered:
            program = None
            self.counts["uncovered"] += 1
        plan.memory["program"] = program
        return program
