// All locations of a CPO, page after page, every type generated from the schema; then what an error looks like.
import { ClientError, GraphQLClient } from "graphql-request";

import { graphql } from "./gql/gql.js";
import type { LocationsQuery, LocationsQueryVariables, TypedDocumentString } from "./gql/graphql.js";

const url = process.env.URL ?? "http://127.0.0.1:8000/graphql";
const client = new GraphQLClient(url, {
  headers: {
    authorization: `Bearer ${process.env.TOKEN ?? "demo"}`,
    "apollographql-client-name": "typescript-example",
    "apollographql-client-version": "1.0.0",
  },
});

const LOCATIONS = graphql(`
  query Locations($cpoId: ID!, $after: String) {
    cpo(cpoId: $cpoId) {
      locations(first: 50, after: $after) {
        totalCount
        nodes {
          id
          name
          city
          coordinates {
            latitude
            longitude
          }
          createdAt
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

type Connection = NonNullable<NonNullable<LocationsQuery["cpo"]>["locations"]>;
type Location = NonNullable<Connection["nodes"][number]>;

function ask<Result, Variables extends object>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  return client.request<Result>(document.toString(), variables);
}

async function* locations(cpoId: string): AsyncGenerator<Location> {
  let after: string | null = null;
  do {
    const variables: LocationsQueryVariables = { cpoId, after };
    const { cpo }: LocationsQuery = await ask(LOCATIONS, variables);
    if (!cpo?.locations) throw new Error(`no CPO ${cpoId}`);
    for (const node of cpo.locations.nodes) if (node) yield node;
    // Ask for more while there is more, and never count: a page may be short.
    after = cpo.locations.pageInfo.hasNextPage ? (cpo.locations.pageInfo.endCursor ?? null) : null;
  } while (after !== null);
}

async function codeOf(request: Promise<unknown>): Promise<unknown> {
  try {
    await request;
    return null;
  } catch (error) {
    if (error instanceof ClientError) return error.response.errors?.[0]?.extensions["code"];
    throw error;
  }
}

const ids = new Set<string>();
const cities = new Set<string>();
for await (const location of locations("101")) {
  ids.add(location.id);
  if (location.city) cities.add(location.city);
}
const refused = await codeOf(ask(LOCATIONS, { cpoId: "101", after: "no cursor" }));
console.log(JSON.stringify({ locations: ids.size, cities: cities.size, refused }));
