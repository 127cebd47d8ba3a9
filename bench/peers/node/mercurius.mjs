// Fastify with Mercurius; every document is compiled at its second use.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { announce, contextFor, resolvers, typeDefs } from './common.mjs'

const app = Fastify()
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  context: (request) => contextFor(request.headers.authorization),
  jit: 1,
})
announce(await app.listen({ port: 0, host: '127.0.0.1' }))
