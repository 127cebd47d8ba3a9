/** Subscriptions, over graphql-transport-ws to this origin. */

import type { ExecutionResult } from "graphql";
import type { FetcherReturnType } from "@graphiql/toolkit";
import { createClient } from "graphql-ws/client";

import type { Kind, Operation } from "./operation";
import { noteOperation, traceIn } from "./trace";

// A browser lets no script set the headers of a WebSocket, so these two travel in its first message.
const CREDENTIALS = ["authorization", "x-organization-id"];

// What a browser says when the other side said nothing.
const NO_WORD_OF_CLOSING = 1006;

interface Observer {
  next(result: ExecutionResult): void;
  error(error: unknown): void;
  complete(): void;
}

/** Each subscription has a socket of its own: its credentials are those of the headers tab when it was started. */
export function subscribe(path: string, operation: Operation, { title }: Kind, headers: Headers): FetcherReturnType {
  return {
    subscribe(given: unknown) {
      const observer = given as Observer; // the only one of the forms that GraphiQL uses
      let wasConnected = false;
      const client = createClient({
        url: socketAddress(path),
        connectionParams: credentialsIn(headers),
        lazyCloseTimeout: 0,
        // A stream that breaks is taken up again; one that never began says so at once.
        shouldRetry: () => wasConnected,
        on: { connected: () => (wasConnected = true) },
      });
      note(title, null);
      const stop = client.subscribe<Record<string, unknown>>(operation, {
        next: (result) => {
          if (traceIn(result as ExecutionResult) != null) note(title, result as ExecutionResult);
          observer.next(result as ExecutionResult);
        },
        error: (error) => observer.error(explained(error)),
        complete: () => observer.complete(),
      });
      return { unsubscribe: stop };
    },
  };
}

function note(name: string, result: ExecutionResult | null): void {
  const trace = result == null ? null : traceIn(result);
  noteOperation({ name, elapsedMs: null, wasAsked: false, isSubscription: true, trace });
}

function socketAddress(path: string): string {
  const address = new URL(path, window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

function credentialsIn(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    CREDENTIALS.map((name) => [name, headers.get(name)] as const).filter((entry): entry is [string, string] => entry[1] != null),
  );
}

/** An error that says something: a socket's own events have no message. */
function explained(error: unknown): unknown {
  if (error instanceof CloseEvent && error.code !== NO_WORD_OF_CLOSING)
    return { message: `The WebSocket was closed: ${error.code} ${error.reason || "without a reason"}` };
  if (error instanceof Event) return { message: "The WebSocket could not be opened, or broke off for good." };
  return error;
}
