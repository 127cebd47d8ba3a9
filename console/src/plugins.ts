/** The panels on the left, in their order. The documentation explorer is always the first. */

import { HISTORY_PLUGIN } from "graphiql";
import type { GraphiQLPlugin } from "@graphiql/react";

export const PLUGINS: GraphiQLPlugin[] = [HISTORY_PLUGIN];
