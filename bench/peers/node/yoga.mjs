// GraphQL Yoga on Node's own server, with the graphql-jit plugin.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { announce, contextFor, resolvers, typeDefs } from './common.mjs'

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: ({ request }) => contextFor(request.headers.get('authorization')),
  plugins: [useGraphQlJit()],
  logging: false,
  graphiql: false,
})
const server = createServer(yoga)
server.listen(0, '127.0.0.1', () => announce(`http://127.0.0.1:${server.address().port}`))
