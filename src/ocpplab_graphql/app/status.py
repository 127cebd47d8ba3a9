"""What the service tells of itself: metrics, and whether it is ready."""

from ocpplab_graphql.execution.documents import Documents
from ocpplab_graphql.execution.executor import Executor
from ocpplab_graphql.gateway.client import Gateway
from ocpplab_graphql.http.admission import RETRY_AFTER_S, Admission
from ocpplab_graphql.http.health import NotReady, Readiness
from ocpplab_graphql.http.metrics import Metric, Metrics


def readiness_of(gateway: Gateway, admission: Admission) -> Readiness:
    """Whether operations would be answered now."""
    return Readiness(gateway.is_reachable, lambda: _gateway_trouble(gateway), lambda: _own_trouble(admission))


def metrics_of(executor: Executor, documents: Documents, gateway: Gateway, admission: Admission) -> Metrics:
    """What is counted in this process."""
    return Metrics(
        [
            Metric(
                "queries_total",
                "counter",
                "Queries, by how they were executed.",
                lambda: executor.executions,
                label="execution",
            ),
            Metric(
                "documents_total",
                "counter",
                "Documents that came, by whether they were known.",
                lambda: {"hit": documents.hits, "miss": documents.misses},
                label="cache",
            ),
            Metric("documents_kept", "gauge", "Documents that are kept.", lambda: {"": len(documents)}),
            Metric(
                "operations",
                "gauge",
                "Operations, by whether they have a place.",
                lambda: {"running": admission.running, "waiting": admission.waiting},
                label="state",
            ),
            Metric(
                "gateway_calls",
                "gauge",
                "Gateway calls, by whether they have a slot.",
                lambda: {"in_flight": gateway.state.in_flight, "waiting": gateway.state.waiting},
                label="state",
            ),
            Metric(
                "gateway_breaker_open",
                "gauge",
                "1 while no gateway calls are made but probes.",
                lambda: {"": gateway.state.breaker != "closed"},
            ),
        ]
    )


def _gateway_trouble(gateway: Gateway) -> NotReady | None:
    """
    Why operations that need the gateway would be refused now.

    Not while the breaker probes: it needs operations for that, and a load balancer would send none.
    """
    state = gateway.state
    if state.breaker == "open":
        return NotReady("gateway failing", state.retry_after_s)
    return NotReady("overloaded", state.retry_after_s) if state.shedding else None


def _own_trouble(admission: Admission) -> NotReady | None:
    return NotReady("overloaded", RETRY_AFTER_S) if admission.is_shedding() else None
