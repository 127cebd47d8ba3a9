/**
 * Where this page differs from what npm brings: less of it, and no secrets in its history.
 *
 * No prop reaches these places. Each change names the code that it replaces, and fails the build when that is gone.
 */

import { fileURLToPath } from "node:url";
import type { Alias, Plugin } from "vite";

const source = (name: string) => fileURLToPath(new URL(`../src/${name}`, import.meta.url));

export const aliases: Alias[] = [
  { find: "monaco-editor/esm/vs/editor/edcore.main.js", replacement: source("monaco.ts") },
  // The old name of the same module, which would be bundled a second time.
  { find: "prettier/parser-graphql", replacement: "prettier/plugins/graphql" },
];

interface Change {
  /** How the path of the module ends. */
  readonly module: string;
  readonly replace: string;
  readonly by: string;
}

const CHANGES: readonly Change[] = [
  // `src/json-layout.ts` in place of the function of the same name.
  {
    module: "/@graphiql/react/dist/utility/jsonc.js",
    replace: "async function formatJSONC(",
    by: `import { formatJSONC } from ${JSON.stringify(source("json-layout.ts"))};\nasync function formatWithPrettier(`,
  },
  // The history is kept in localStorage and, unlike the tabs, with the headers, the bearer token among them.
  {
    module: "/@graphiql/plugin-history/dist/context.js",
    replace: "headers: activeTab.headers ?? void 0,",
    by: "",
  },
  // And so an operation from the history leaves the headers as they are, instead of emptying them.
  {
    module: "/@graphiql/plugin-history/dist/components.js",
    replace: 'headerEditor == null ? void 0 : headerEditor.setValue(headers ?? "");',
    by: "",
  },
];

export function changes(): Plugin {
  const open = new Set(CHANGES);
  return {
    name: "changes",
    transform(code, id) {
      const due = CHANGES.filter(({ module }) => id.endsWith(module));
      if (due.length === 0) return null;
      for (const change of due) {
        const parts = code.split(change.replace);
        if (parts.length !== 2) throw new Error(`${id} has changed: ${change.replace} is in it ${parts.length - 1} times.`);
        code = parts.join(change.by);
        open.delete(change);
      }
      return { code, map: null };
    },
    buildEnd(error) {
      if (error == null && open.size > 0) throw new Error(`Not in the bundle: ${[...open].map((one) => one.module).join(", ")}`);
    },
  };
}
