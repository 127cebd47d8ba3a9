/** The panel that draws what the last operation made the gateway do: one bar for each REST call, on one time axis. */

import { Fragment, type CSSProperties } from "react";

import { switchTracing, useTraces, type GatewayCall, type Trace, type TracedOperation } from "./trace";

const SHOWN_PATHS = 1;

export function Waterfall() {
  const { isOn, last } = useTraces();
  return (
    <section aria-label="Gateway calls" className="calls">
      <h2 className="panel-title">Gateway calls</h2>
      <label className="calls-switch">
        <input type="checkbox" role="switch" checked={isOn} onChange={(event) => switchTracing(event.target.checked)} />
        Trace operations
      </label>
      {last?.trace == null ? (
        <p className="panel-note">
          <NoTrace isOn={isOn} last={last} />
        </p>
      ) : (
        <Calls operation={last} trace={last.trace} />
      )}
    </section>
  );
}

function NoTrace({ isOn, last }: { isOn: boolean; last: TracedOperation | null }) {
  const header = <code>X-Gateway-Trace: calls</code>;
  if (last?.isSubscription) return <>The events of {last.name} came without a trace: only queries and mutations are asked for one.</>;
  if (last?.wasAsked)
    return (
      <>
        The answer to {last.name} came without a trace. This page asked for one with the header {header}; a server that grants it
        answers with <code>extensions.gateway</code>. Either this one does not, or something on the way takes the header off.
      </>
    );
  if (!isOn)
    return (
      <>
        Operations are sent without the header {header}. Switch tracing on and run one: its REST calls are drawn here.
      </>
    );
  if (last != null)
    return (
      <>
        {last.name} was sent without the header {header}. Run it again with it, and its REST calls are drawn here.
      </>
    );
  return (
    <>
      Run an operation: it is sent with the header {header}, and its REST calls are drawn here.
    </>
  );
}

function Calls({ operation, trace }: { operation: TracedOperation; trace: Trace }) {
  const endMs = Math.max(...trace.requests.map((call) => call.startMs + call.durationMs), Number.MIN_VALUE);
  return (
    <>
      <div className="calls-sum" role="status">
        <span className="calls-name">{operation.name}</span>
        <Counts {...trace} />
        {operation.elapsedMs == null ? null : <span>answered in {milliseconds(operation.elapsedMs)}</span>}
      </div>
      {trace.requests.length === 0 ? null : (
        // In reach of the keyboard, so that its arrows scroll the list.
        <div className="calls-list" role="region" aria-label="REST calls" tabIndex={0}>
          {/* The roles are named because the rows are laid out as grids, which takes a table's own away. */}
          <table role="table">
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" className="calls-status">Status</th>
                <th role="columnheader" className="calls-route">Route</th>
                <th role="columnheader" className="calls-lane">
                  <span>0</span>
                  <span>{milliseconds(endMs / 2)}</span>
                  <span>{milliseconds(endMs)}</span>
                </th>
                <th role="columnheader" className="calls-time">Time</th>
                <th role="columnheader" className="calls-rows">Rows</th>
                <th role="columnheader" className="calls-bytes">Size</th>
                <th role="columnheader" className="calls-paths">Used at</th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {trace.requests.map((call, index) => (
                <Call key={index} call={call} endMs={endMs} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Counts({ calls, minimum }: Trace) {
  return (
    <>
      <span>
        <strong>{calls.toLocaleString("en")}</strong> {calls === 1 ? "call" : "calls"}
      </span>
      {minimum == null ? null : (
        <span className={calls > minimum ? "calls-more" : "calls-least"}>
          {calls > minimum ? (
            <>
              <strong>{minimum.toLocaleString("en")}</strong> at best
            </>
          ) : (
            "the least possible"
          )}
        </span>
      )}
    </>
  );
}

function Call({ call, endMs }: { call: GatewayCall; endMs: number }) {
  const outcome = outcomeOf(call.status);
  const bar = { "--from": call.startMs / endMs, "--share": call.durationMs / endMs } as CSSProperties;
  return (
    <tr role="row" className={`calls-${outcome}`}>
      <td role="cell" className="calls-status">{call.status ?? "no reply"}</td>
      <td role="cell" className="calls-route">
        <Breakable text={call.route} after="/" />
      </td>
      <td role="cell" className="calls-lane">
        <div
          role="img"
          aria-label={`from ${milliseconds(call.startMs)} to ${milliseconds(call.startMs + call.durationMs)}`}
          style={bar}
        />
      </td>
      <td role="cell" className="calls-time">{milliseconds(call.durationMs)}</td>
      <td role="cell" className="calls-rows">{call.rows == null ? "" : `${call.rows.toLocaleString("en")} ${call.rows === 1 ? "row" : "rows"}`}</td>
      <td role="cell" className="calls-bytes">{call.bytes == null ? "" : bytes(call.bytes)}</td>
      <td role="cell" className="calls-paths">
        <Paths {...call} />
      </td>
    </tr>
  );
}

function Paths({ paths, pathCount }: GatewayCall) {
  const hidden = paths.slice(SHOWN_PATHS);
  const more = `${(pathCount - Math.min(paths.length, SHOWN_PATHS)).toLocaleString("en")} more`;
  return (
    <>
      <PathList paths={paths.slice(0, SHOWN_PATHS)} />
      {hidden.length === 0 ? null : (
        <details>
          <summary>{more}</summary>
          <PathList paths={hidden} />
          {pathCount > paths.length ? "…" : null}
        </details>
      )}
    </>
  );
}

function PathList({ paths }: { paths: readonly string[] }) {
  return paths.map((path) => (
    <code key={path}>
      <Breakable text={path} after="." />
    </code>
  ));
}

/** A text that goes on in the next line after a certain character, if it must. */
function Breakable({ text, after }: { text: string; after: string }) {
  const parts = text.split(after);
  return parts.map((part, index) => (
    <Fragment key={index}>
      {part}
      {index < parts.length - 1 ? after : null}
      <wbr />
    </Fragment>
  ));
}

function outcomeOf(status: number | null): "good" | "refused" | "failed" {
  if (status == null || status >= 500) return "failed";
  return status >= 400 ? "refused" : "good";
}

function milliseconds(value: number): string {
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 })} ms`;
}

function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const [amount, unit] = value < 999_500 ? [value / 1000, "kB"] : [value / 1_000_000, "MB"];
  return `${amount.toLocaleString("en", { maximumFractionDigits: amount < 100 ? 1 : 0 })} ${unit}`;
}

export function WaterfallIcon() {
  return (
    <svg viewBox="0 0 20 20" width="1em" height="1em" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M2.75 2.5v15h14.5" strokeLinecap="round" strokeLinejoin="round" />
      <path d="M6 6h4.5M8.5 10h7M13 14h3.5" strokeWidth="2.5" strokeLinecap="round" />
    </svg>
  );
}
