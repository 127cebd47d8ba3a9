/** How an operation reaches the server: one POST, or one WebSocket, to the address of this very page. */

import { OperationTypeNode, type ExecutionResult } from "graphql";
import type { Fetcher } from "@graphiql/toolkit";

import { noteJobIn } from "./last-job";
import { isIntrospection, operationOf, type Kind, type Operation } from "./operation";
import { subscribe } from "./subscription";
import { isTracing, noteOperation, TRACE_CALLS, TRACE_HEADER, traceIn, withoutTrace, type Trace } from "./trace";

const ACCEPT = "application/graphql-response+json, application/json;q=0.9";

/** The page's own path, so that a path prefix in front of the server needs no setting here. */
export function endpoint(): string {
  return window.location.pathname;
}

export function createFetcher(url: string): Fetcher {
  return (params, options) => {
    const [operation, kind] = operationOf(params);
    const headers = headersOf(options?.headers);
    if (kind.type === OperationTypeNode.SUBSCRIPTION) return subscribe(url, operation, kind, headers);
    return isIntrospection(operation) ? post(url, operation, headers) : traced(url, operation, kind, headers);
  };
}

async function traced(url: string, operation: Operation, { title, type }: Kind, headers: Headers): Promise<ExecutionResult> {
  // Who writes the header into the headers tab wants to see in the result what it brings.
  const isOurs = isTracing() && !headers.has(TRACE_HEADER);
  if (isOurs) headers.set(TRACE_HEADER, TRACE_CALLS);
  const wasAsked = headers.get(TRACE_HEADER)?.toLowerCase() === TRACE_CALLS; // there are traces of another kind
  const start = performance.now();
  const note = (trace: Trace | null) =>
    noteOperation({ name: title, elapsedMs: performance.now() - start, wasAsked, isSubscription: false, trace });
  const result = await post(url, operation, headers).catch((error: unknown) => {
    note(null); // the calls of the operation before must not stand for this one's
    throw error;
  });
  note(wasAsked ? traceIn(result) : null);
  if (type === OperationTypeNode.MUTATION) noteJobIn(result.data);
  return isOurs ? withoutTrace(result) : result;
}

async function post(url: string, operation: Operation, headers: Headers): Promise<ExecutionResult> {
  const response = await fetch(url, {
    method: "POST",
    // The credentials are in the headers tab. Cookies of whatever else lives on this host stay out of it.
    credentials: "omit",
    headers,
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch {
    // A proxy's error page, for example: the status and the first words say more than "unexpected token".
    throw new Error(`HTTP ${response.status} ${response.statusText}, not JSON: ${text.slice(0, 300)}`);
  }
}

/** The headers tab, without an `Authorization` that nobody has filled in: no token is a clearer answer than a bad one. */
function headersOf(written: Record<string, unknown> = {}): Headers {
  const headers = new Headers({ accept: ACCEPT, "content-type": "application/json" });
  for (const [name, value] of Object.entries(written)) headers.set(name, String(value));
  if (/^\s*(bearer)?\s*$/i.test(headers.get("authorization") ?? "")) headers.delete("authorization");
  return headers;
}
