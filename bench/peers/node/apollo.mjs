// Apollo Server with its standalone server.
import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { announce, contextFor, resolvers, typeDefs } from './common.mjs'

const { url } = await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
  listen: { port: 0, host: '127.0.0.1' },
  context: async ({ req }) => contextFor(req.headers.authorization),
})
announce(url)
