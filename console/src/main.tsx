import "./workers";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "@graphiql/plugin-explorer/style.css";
import "./console.css";
import "./panels.css";

import { createRoot } from "react-dom/client";

import { readConfig } from "./config";
import { Console } from "./Console";

const root = document.getElementById("console");
if (root == null) throw new Error("The page has no #console.");
createRoot(root).render(<Console config={readConfig()} />);
