/** What the fetcher needs to know of an operation before it is sent. */

import { getOperationAST, OperationTypeNode, parse, type DocumentNode } from "graphql";
import type { FetcherParams } from "@graphiql/toolkit";

export interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

export interface Kind {
  /** As a person calls it: its name, or what it is. */
  readonly title: string;
  readonly type: OperationTypeNode | null;
}

/** The name that GraphiQL gives to its own reading of the schema. */
export function isIntrospection({ operationName }: Operation): boolean {
  return operationName === "IntrospectionQuery";
}

/**
 * The operation as it is sent: of that name, or else the only one that the document has.
 *
 * GraphiQL reads the names a tenth of a second after the last key; who is faster would run what is no longer there.
 */
export function operationOf({ query, variables, operationName }: FetcherParams): [Operation, Kind] {
  const document = parsed(query);
  // The server says best what is wrong with a document.
  const found = document && (getOperationAST(document, operationName) ?? getOperationAST(document));
  const name = document == null ? operationName : found?.name?.value;
  const operation = { query, ...(variables == null ? {} : { variables }), ...(name == null ? {} : { operationName: name }) };
  return [operation, { title: found?.name?.value ?? found?.operation ?? "operation", type: found?.operation ?? null }];
}

function parsed(query: string): DocumentNode | null {
  try {
    return parse(query, { noLocation: true });
  } catch {
    return null;
  }
}
