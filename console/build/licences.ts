/** One file with the licence of every npm package of which something is in the bundle. */

import fs from "node:fs";
import path from "node:path";
import type { Plugin } from "vite";

const LICENCE_FILE = /^(licen[cs]e|copying|notice|thirdpartynotices)/i;
const RULE = "=".repeat(80);

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

interface Manifest {
  name: string;
  version: string;
  license?: string;
  author?: string | { name?: string };
  repository?: string | { url?: string };
}

export class Licences {
  readonly #folders = new Set<string>();

  /** Notes what goes into a bundle. A worker is a bundle of its own, made while the page's is being made. */
  collect(): Plugin {
    const folders = this.#folders;
    return {
      name: "licences:collect",
      generateBundle(_options, bundle) {
        for (const chunk of Object.values(bundle)) {
          if (chunk.type !== "chunk") continue;
          for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
            const folder = packageFolder(id);
            if (folder != null && (renderedLength > 0 || id.includes(".css"))) folders.add(folder);
          }
        }
      },
    };
  }

  /** Writes the file beside the page's own bundle. */
  emit(fileName: string): Plugin {
    const folders = this.#folders;
    return {
      name: "licences:emit",
      generateBundle: {
        order: "post",
        handler() {
          this.emitFile({ type: "asset", fileName, source: text(folders) });
        },
      },
    };
  }
}

function packageFolder(id: string): string | undefined {
  return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(id)?.[1];
}

function text(folders: Iterable<string>): string {
  const packages = new Map<string, { manifest: Manifest; licence: string }>(); // two copies of one version are one
  for (const folder of folders) {
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
    packages.set(`${manifest.name} ${manifest.version}`, { manifest, licence: licenceIn(folder) });
  }
  // Packages of one repository often leave its licence to one of them.
  const byRepository = new Map<string, string>();
  for (const { manifest, licence } of packages.values())
    if (licence) byRepository.set(repositoryOf(manifest), licence);

  const sections = [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, { manifest, licence }]) =>
      [
        RULE,
        `${title} (${manifest.license ?? "see below"})`,
        RULE,
        "",
        licence || byRepository.get(repositoryOf(manifest)) || attribution(manifest),
      ].join("\n"),
    );
  return `The GraphiQL page contains code of these npm packages.\n\n${sections.join("\n\n")}\n`;
}

function licenceIn(folder: string): string {
  return fs
    .readdirSync(folder)
    .filter((name) => LICENCE_FILE.test(name))
    .sort()
    .map((name) => fs.readFileSync(path.join(folder, name), "utf8").replace(/\r\n/g, "\n").trim())
    .join("\n\n");
}

function repositoryOf({ name, repository }: Manifest): string {
  const url = typeof repository === "string" ? repository : repository?.url;
  return url?.replace(/^git\+/, "").replace(/\.git$/, "") ?? name;
}

/** For a package that brings no text: who wrote it, and the terms it names. */
function attribution(manifest: Manifest): string {
  if (manifest.license !== "MIT") throw new Error(`${manifest.name} brings no licence text, and is not under MIT.`);
  const author = typeof manifest.author === "string" ? manifest.author : manifest.author?.name;
  return `Copyright (c) ${author ?? "the authors"} of ${repositoryOf(manifest)}\n\n${MIT}`;
}
