/** How an operation reaches the server: one POST to the address of this very page. */

import { Kind, parse, type ExecutionResult } from "graphql";
import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";

const ACCEPT = "application/graphql-response+json, application/json;q=0.9";

/** The page's own path, so that a path prefix in front of the server needs no setting here. */
export function endpoint(): string {
  return window.location.pathname;
}

export function createFetcher(url: string): Fetcher {
  return (params, options) => post(url, params, options);
}

async function post(url: string, params: FetcherParams, options?: FetcherOpts): Promise<ExecutionResult> {
  const response = await fetch(url, {
    method: "POST",
    // The credentials are in the headers tab. Cookies of whatever else lives on this host stay out of it.
    credentials: "omit",
    headers: { accept: ACCEPT, "content-type": "application/json", ...credentialsOf(options?.headers) },
    body: JSON.stringify({ ...params, operationName: nameIn(params) }),
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
function credentialsOf(headers: Record<string, unknown> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name, value]) => !(name.toLowerCase() === "authorization" && /^\s*(bearer)?\s*$/i.test(String(value))))
      .map(([name, value]) => [name, String(value)]),
  );
}

/**
 * The operation's name, if the document has an operation of that name.
 *
 * GraphiQL reads the names a tenth of a second after the last key; who is faster would run what is no longer there.
 */
function nameIn({ query, operationName }: FetcherParams): string | undefined {
  if (operationName == null) return undefined;
  try {
    const isNamed = parse(query, { noLocation: true }).definitions.some(
      (definition) => definition.kind === Kind.OPERATION_DEFINITION && definition.name?.value === operationName,
    );
    return isNamed ? operationName : undefined;
  } catch {
    return operationName; // the server says best what is wrong with the document
  }
}
