import { GraphiQL } from "graphiql";
import { createLocalStorage } from "@graphiql/toolkit";

import type { ConsoleConfig } from "./config";
import { createFetcher, endpoint } from "./fetcher";
import { FIRST_QUERY, firstHeaders } from "./first-screen";
import { PLUGINS } from "./plugins";

const fetcher = createFetcher(endpoint());
// Tabs and history of another GraphiQL that lived on this port would hide the first query.
const storage = createLocalStorage({ namespace: "ocpplab" });

export function Console({ config }: { config: ConsoleConfig }) {
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      plugins={PLUGINS}
      defaultQuery={FIRST_QUERY}
      defaultHeaders={firstHeaders(config)}
      defaultEditorToolsVisibility="headers"
      // The headers hold a bearer token. What is in localStorage outlives the visit and can be read by any script of
      // this origin, so they are never written there, and there is no switch for it (`build/changes.ts` sees to the history).
      shouldPersistHeaders={false}
      inputValueDeprecation
      schemaDescription
      {...(config.introspection ? {} : { schema: null })}
    >
      <GraphiQL.Logo>
        OCPPLAB <em>GraphQL</em>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}
