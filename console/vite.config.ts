import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

import { aliases, changes } from "./build/changes.ts";
import { Licences } from "./build/licences.ts";
import { originDigest } from "./build/origin.ts";

const OUT = fileURLToPath(new URL("../src/ocpplab_graphql/http/console_assets", import.meta.url));

// http/console.py knows a file that never changes under its name by this pattern: a dot, eight characters, a dot.
const chunkNames = { entryFileNames: "[name].[hash].js", chunkFileNames: "[name].[hash].js" };
const assetNames = { assetFileNames: "[name].[hash][extname]" };

const licences = new Licences();

export default defineConfig({
  // Scripts and styles find each other relative to themselves; the page is told by the server where they are.
  base: "./",
  experimental: {
    renderBuiltUrl: (fileName, { hostType }) =>
      hostType === "html" ? `__CONSOLE_ASSETS__/${fileName}` : { relative: true },
  },
  resolve: { alias: aliases },
  plugins: [changes(), licences.collect(), licences.emit("licences.txt"), originDigest("sources.sha256")],
  worker: {
    format: "es",
    plugins: () => [licences.collect()],
    rolldownOptions: { output: { ...chunkNames, ...assetNames } },
  },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0,
    sourcemap: false,
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 3000,
    rolldownOptions: {
      output: { ...chunkNames, ...assetNames },
      onLog(level, log, handler) {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handler(level, log); // "use client" means nothing here
      },
    },
  },
});
