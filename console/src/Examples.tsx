/** The panel of examples. A click opens one in a tab of its own; the tabs that are there stay as they are. */

import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";

import { examplesFor, variablesText, type Example } from "./examples";

export function Examples() {
  const schema = useGraphiQL((state) => state.schema);
  const open = useOpenInNewTab();
  return (
    <section aria-label="Examples" className="examples">
      <h2 className="panel-title">Examples</h2>
      <p className="panel-note">Written for the sandbox’s demo world. Each opens in a tab of its own.</p>
      <ul>
        {examplesFor(schema).map((example) => (
          <li key={example.title}>
            <button type="button" className="graphiql-un-styled" onClick={() => open(example)}>
              <span className="examples-title">
                {example.title} <span className="examples-type">{example.type}</span>
              </span>
              <span className="examples-about">{example.about}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useOpenInNewTab(): (example: Example) => void {
  const { addTab, stop } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const headerEditor = useGraphiQL((state) => state.headerEditor);
  return (example) => {
    const headers = headerEditor?.getValue();
    stop(); // the events of a subscription would go on into the new tab
    addTab();
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(variablesText(example));
    if (headers != null) headerEditor?.setValue(headers); // the token of the tab one comes from
    showTools(example.variables == null ? "headers" : "variables");
    queryEditor?.focus();
  };
}

/** Brings up one of the editors below the query. GraphiQL keeps to itself which one is shown: a click is the only way. */
function showTools(name: "variables" | "headers"): void {
  document.querySelector<HTMLButtonElement>(`.graphiql-editor-tools [data-name="${name}"]`)?.click();
}

export function ExamplesIcon() {
  return (
    <svg viewBox="0 0 20 20" width="1em" height="1em" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M5 2.75h10c.7 0 1.25.55 1.25 1.25v13.25L10 13.5l-6.25 3.75V4c0-.7.55-1.25 1.25-1.25Z" strokeLinejoin="round" />
      <path d="M7.25 6.5h5.5M7.25 9.5h3.5" strokeLinecap="round" />
    </svg>
  );
}
