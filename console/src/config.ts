/** What the server says about itself, read once from the page. Written by `ocpplab_graphql/http/console.py`. */

export interface ConsoleConfig {
  /** A bearer token that works on this server: the sandbox's, when it is embedded. `null` elsewhere. */
  readonly token: string | null;
  /** Whether the server answers introspection; without it there is no documentation and no completion. */
  readonly introspection: boolean;
}

export function readConfig(): ConsoleConfig {
  const element = document.getElementById("console-config");
  if (element?.textContent == null) throw new Error("The page carries no #console-config.");
  return JSON.parse(element.textContent) as ConsoleConfig;
}
