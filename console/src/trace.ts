/** The trace of the last operation, and whether operations ask for one. What a trace means is in the README. */

import type { ExecutionResult } from "graphql";
import { useSyncExternalStore } from "react";

export const TRACE_HEADER = "x-gateway-trace";
export const TRACE_CALLS = "calls";

/** One REST call, as `extensions.gateway.requests` tells of it. Times are in milliseconds from the operation's start. */
export interface GatewayCall {
  readonly route: string;
  /** `null` when no reply came. */
  readonly status: number | null;
  readonly startMs: number;
  readonly durationMs: number;
  readonly bytes: number | null;
  readonly rows: number | null;
  /** Where in the response the reply was used: the first of them, when they are many. */
  readonly paths: readonly string[];
  readonly pathCount: number;
}

export interface Trace {
  readonly calls: number;
  /** What a planner who knew everything beforehand would have sent. */
  readonly minimum: number | null;
  readonly requests: readonly GatewayCall[];
}

export interface TracedOperation {
  readonly name: string;
  /** As long as it took from here, the network included; `null` for an event of a subscription. */
  readonly elapsedMs: number | null;
  readonly wasAsked: boolean;
  readonly isSubscription: boolean;
  readonly trace: Trace | null;
}

interface State {
  readonly isOn: boolean;
  readonly last: TracedOperation | null;
}

const STORAGE_KEY = "ocpplab:trace";
const listeners = new Set<() => void>();
let state: State = { isOn: stored() !== "off", last: null };

export function useTraces(): State {
  return useSyncExternalStore(listen, () => state);
}

export function isTracing(): boolean {
  return state.isOn;
}

export function switchTracing(isOn: boolean): void {
  change({ isOn });
  try {
    localStorage.setItem(STORAGE_KEY, isOn ? "on" : "off");
  } catch {
    // A browser that stores nothing forgets the switch, and works.
  }
}

export function noteOperation(last: TracedOperation): void {
  change({ last });
}

/** The trace in a result, read field by field: what else may stand beside it is not for the screen. */
export function traceIn({ extensions }: ExecutionResult): Trace | null {
  const gateway = extensions?.["gateway"];
  if (!isObject(gateway) || !Array.isArray(gateway["requests"])) return null;
  const requests = gateway["requests"].filter(isObject).map(callOf);
  return { calls: count(gateway["calls"]) ?? requests.length, minimum: count(gateway["minimum"]), requests };
}

/** The result without the trace: what only the panel asked for is shown in the panel alone. */
export function withoutTrace(result: ExecutionResult): ExecutionResult {
  if (traceIn(result) == null) return result;
  const { extensions = {}, ...answer } = result;
  const { calls: _calls, minimum: _minimum, requests: _requests, ...gateway } = extensions["gateway"] as Record<string, unknown>;
  const { gateway: _gateway, ...others } = extensions;
  const rest = { ...others, ...(isEmpty(gateway) ? {} : { gateway }) };
  return isEmpty(rest) ? answer : { ...answer, extensions: rest };
}

function callOf(row: Record<string, unknown>): GatewayCall {
  const paths = Array.isArray(row["paths"]) ? row["paths"].filter((path) => text(path) != null) : [];
  return {
    route: text(row["route"]) ?? "?",
    status: count(row["status"]),
    startMs: count(row["startMs"]) ?? 0,
    durationMs: count(row["durationMs"]) ?? 0,
    bytes: count(row["bytes"]),
    rows: count(row["rows"]),
    paths,
    pathCount: Math.max(count(row["pathCount"]) ?? 0, paths.length),
  };
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function change(part: Partial<State>): void {
  state = { ...state, ...part };
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}
