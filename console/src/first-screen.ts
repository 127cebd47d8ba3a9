/** What somebody sees who opens the console for the first time. */

import type { ConsoleConfig } from "./config";

// As wide as the editor is in a window of 1280 pixels.
export const FIRST_QUERY = `# Charge point operators, their locations and
# the chargers there, in the fewest REST calls.
# Ctrl+Enter runs it, Ctrl+Space completes.

query FirstLook {
  cpos(first: 3) {
    totalCount
    nodes {
      cpoId
      namePrefix
      locations(first: 2) {
        totalCount
        nodes {
          name
          city
          chargers(first: 2) {
            totalCount
            nodes {
              identity
            }
          }
        }
      }
    }
  }
}
`;

export function firstHeaders({ token }: ConsoleConfig): string {
  return JSON.stringify({ Authorization: `Bearer ${token ?? ""}` }, null, 2);
}
