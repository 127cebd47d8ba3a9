/**
 * The example operations: `examples/*.graphql`, in the order of their names, each with its variables beside it.
 *
 * A document opens with a comment that says what it shows. `tests/shape/test_console_examples.py` holds each
 * one to the schema.
 */

import { getOperationAST, parse, type GraphQLSchema, type OperationTypeNode } from "graphql";

import { lastJob } from "./last-job";

export interface Example {
  readonly title: string;
  readonly about: string;
  readonly type: OperationTypeNode;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | null;
}

const documents = import.meta.glob<string>("./examples/*.graphql", { query: "?raw", import: "default", eager: true });
const variables = import.meta.glob<Record<string, unknown>>("./examples/*.json", { import: "default", eager: true });

/** Variables that no file can know. */
const FRESH: Readonly<Record<string, () => string | null>> = {
  idempotencyKey: () => `console-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`,
  jobId: lastJob,
};

export const EXAMPLES: readonly Example[] = Object.keys(documents)
  .sort()
  .map((path) => example(documents[path] ?? "", variables[path.replace(/\.graphql$/, ".json")] ?? null));

/** Those that a server with this schema can run; all of them when it does not tell its schema. */
export function examplesFor(schema: GraphQLSchema | null | undefined): readonly Example[] {
  return EXAMPLES.filter(({ type }) => schema == null || schema.getRootType(type) != null);
}

/** The variables as they go into the editor. */
export function variablesText(example: Example): string {
  if (example.variables == null) return "";
  const filled = Object.entries(example.variables).map(([name, value]) => [name, FRESH[name]?.() ?? value]);
  return JSON.stringify(Object.fromEntries(filled), null, 2);
}

function example(query: string, variables: Record<string, unknown> | null): Example {
  const operation = getOperationAST(parse(query));
  if (operation?.name == null) throw new Error(`An example has exactly one operation, with a name: ${query}`);
  return { title: words(operation.name.value), about: leadingComment(query), type: operation.operation, query, variables };
}

/** `PageOfLocations` as "Page of locations". */
function words(name: string): string {
  const [first = "", ...rest] = name.split(/(?=[A-Z])/);
  return [first, ...rest.map((word) => word.toLowerCase())].join(" ");
}

function leadingComment(query: string): string {
  const lines = query.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("#"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^#\s?/, ""))
    .join(" ")
    .replaceAll("`", "");
}
