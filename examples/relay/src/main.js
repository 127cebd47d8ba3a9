// The container in a page of jsdom: the button is pressed until it is gone.
const { JSDOM } = require("jsdom");

const { window } = new JSDOM('<div id="root"></div>');
const browser = {
  window,
  document: window.document,
  IS_REACT_ACT_ENVIRONMENT: true,
  navigator: window.navigator, // Node.js 21 has one of its own, and keeps it from being assigned
};
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}

const { createElement: h, Suspense, act } = require("react");
const { createRoot } = require("react-dom/client");
const { RelayEnvironmentProvider } = require("react-relay");
const { Environment, Network, RecordSource, Store } = require("relay-runtime");
const { LocationsOf } = require("./LocationList.js");

const url = process.env.URL ?? "http://127.0.0.1:8000/graphql";
const headers = { "content-type": "application/json", authorization: `Bearer ${process.env.TOKEN ?? "demo"}` };
let requests = 0;

async function ask({ text, name }, variables) {
  requests += 1;
  const body = JSON.stringify({ query: text, operationName: name, variables });
  const answer = await (await fetch(url, { method: "POST", headers, body })).json();
  if (answer.errors) fail(new Error(answer.errors.map((error) => error.message).join("\n")));
  return answer;
}

const shown = (selector) => [...document.querySelectorAll(selector)];

const isSettled = () => shown("h1, p").length > 0 && shown("button[disabled]").length === 0;

// Turn after turn, until nothing is being loaded; `act` also runs the effects of what was rendered.
async function settled() {
  do await act(() => new Promise((resolve) => setImmediate(resolve)));
  while (!isSettled());
}

async function main() {
  const environment = new Environment({
    network: Network.create(ask),
    store: new Store(new RecordSource()),
  });
  const list = h(LocationsOf, { cpoId: "101", count: 50 });
  const page = h(RelayEnvironmentProvider, { environment }, h(Suspense, { fallback: "…" }, list));
  const root = createRoot(document.getElementById("root"));
  await act(async () => root.render(page));
  await settled();
  while (shown("button").length > 0) {
    await act(async () => shown("button")[0].click());
    await settled();
  }
  const ids = new Set(shown("li").map((item) => item.id));
  console.log(JSON.stringify({ title: shown("h1")[0].textContent, locations: ids.size, requests }));
  await act(async () => root.unmount());
  window.close();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

// React's scheduler keeps a message port open, which alone would keep the process alive.
main().then(() => process.exit(0), fail);
