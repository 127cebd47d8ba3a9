/** The panels on the left, in their order. The documentation explorer is always the first. */

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "graphiql";
import type { GraphiQLPlugin } from "@graphiql/react";

import { Examples, ExamplesIcon } from "./Examples";
import { Waterfall, WaterfallIcon } from "./Waterfall";

export const PLUGINS: GraphiQLPlugin[] = [
  { ...explorerPlugin(), title: "Explorer" },
  { title: "Examples", icon: ExamplesIcon, content: Examples },
  { title: "Gateway Calls", icon: WaterfallIcon, content: Waterfall },
  HISTORY_PLUGIN,
];
