// A pagination container: the locations of one CPO, more with each press of the button.
const { createElement: h } = require("react");
const { graphql, useLazyLoadQuery, usePaginationFragment } = require("react-relay");

const QUERY = graphql`
  query LocationListQuery($cpoId: ID!, $count: Int!) {
    cpo(cpoId: $cpoId) {
      ...LocationList_cpo @arguments(count: $count)
    }
  }
`;

const FRAGMENT = graphql`
  fragment LocationList_cpo on CPO
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "LocationListMoreQuery") {
    locations(first: $count, after: $cursor) @connection(key: "LocationList_locations") {
      totalCount
      edges {
        node {
          id
          name
          city
        }
      }
    }
  }
`;

function LocationList({ cpo, more }) {
  const { data, loadNext, hasNext, isLoadingNext } = usePaginationFragment(FRAGMENT, cpo);
  const { edges, totalCount } = data.locations;
  return h(
    "section",
    null,
    h("h1", null, `${edges.length} of ${totalCount}`),
    h("ul", null, edges.map(({ node }) => h("li", { key: node.id, id: node.id }, `${node.name}, ${node.city}`))),
    hasNext && h("button", { disabled: isLoadingNext, onClick: () => loadNext(more) }, "More"),
  );
}

function LocationsOf({ cpoId, count }) {
  const { cpo } = useLazyLoadQuery(QUERY, { cpoId, count });
  return cpo ? h(LocationList, { cpo, more: count }) : h("p", null, "There is no such CPO.");
}

module.exports = { LocationsOf };
