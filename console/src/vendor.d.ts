/** Modules that come without types: Monaco's single features, imported for their effect. */

declare module "monaco-editor/esm/vs/editor/browser/*";
declare module "monaco-editor/esm/vs/editor/contrib/*";
declare module "monaco-editor/esm/vs/editor/standalone/*";
declare module "monaco-editor/esm/vs/base/*";

interface Window {
  MonacoEnvironment?: { getWorker(id: string, label: string): Worker };
}
