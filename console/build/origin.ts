/** A digest of the sources beside what was built of them, so that a test can tell a stale build from a current one. */

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export function originDigest(fileName: string): Plugin {
  return {
    name: "origin-digest",
    generateBundle() {
      this.emitFile({ type: "asset", fileName, source: `${digest()}\n` });
    },
  };
}

/** Of every file but the installed packages, in the order of their names: name, NUL, content, NUL. */
function digest(): string {
  const hash = crypto.createHash("sha256");
  const names = fs
    .readdirSync(ROOT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .filter((name) => !name.startsWith("node_modules/"))
    .sort();
  for (const name of names) hash.update(`${name}\0`).update(fs.readFileSync(path.join(ROOT, name))).update("\0");
  return hash.digest("hex");
}
