/** What somebody sees who opens the console for the first time. */

import type { ConsoleConfig } from "./config";
import firstLook from "./examples/1-first-look.graphql?raw";

export const FIRST_QUERY = firstLook;

export function firstHeaders({ token }: ConsoleConfig): string {
  return JSON.stringify({ Authorization: `Bearer ${token ?? ""}` }, null, 2);
}
