// What the three Node servers share: the whole schema.graphql, resolvers for the part that the workloads use,
// one DataLoader for each kind of read, and undici's pool to the gateway.
//
//     node SERVER.mjs GATEWAY_URL
import { readFileSync } from 'node:fs'
import { blake2b } from '@noble/hashes/blake2.js'
import DataLoader from 'dataloader'
import { GraphQLScalarType } from 'graphql'
import { Pool } from 'undici'

export const typeDefs = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8')

const pool = new Pool(process.argv[2], { connections: 64, pipelining: 1 })

async function get(path, headers) {
  const { statusCode, body } = await pool.request({ path, method: 'GET', headers })
  const content = await body.json()
  if (statusCode === 404) return null
  if (statusCode !== 200) throw new Error(`The gateway answered ${statusCode}`)
  return content
}

// The context of one operation: its caller's token, and what it has read.
export function contextFor(authorization) {
  const headers = { accept: 'application/json', ...(authorization && { authorization }) }
  const loader = (path) => new DataLoader(
    (keys) => Promise.all(keys.map((key) => get(path(key), headers))),
    { cacheKeyFn: (key) => key.join(' ') },
  )
  return {
    pages: loader(([path, limit]) => `${path}?page=1&limit=${limit}`),
    locations: loader(([cpoId, ownId]) => `/ocpi/cpos/${cpoId}/locations/${ownId}`),
  }
}

const PLAIN = /^[A-Za-z0-9._~-]+$/
const encoded = (part) => (PLAIN.test(part) ? part : encodeURIComponent(part))

const lists = new Map()

// Prefix and seed of the cursors of one list.
function cursorsOf(...name) {
  const key = `(${name.map((part) => `'${part}'`).join(', ')}${name.length === 1 ? ',' : ''})`
  let found = lists.get(key)
  if (!found) {
    const digest = blake2b(new TextEncoder().encode(key), { dkLen: 6 })
    found = { prefix: `1${Buffer.from(digest.slice(0, 4)).toString('hex')}.`, seed: (digest[4] << 8) | digest[5] }
    lists.set(key, found)
  }
  return found
}

const cursorAt = ({ prefix, seed }, position) =>
  `${prefix}${position}.${((Math.imul(position, 40503) ^ seed) & 0xffff).toString(16).padStart(4, '0')}`

const connection = (rows, total, ...name) => ({ rows, total, cursors: cursorsOf(...name) })

const connectionResolvers = {
  totalCount: (page) => page.total,
  nodes: (page) => page.rows,
  edges: (page) => page.rows.map((node, position) => ({ cursor: cursorAt(page.cursors, position), node })),
  pageInfo: ({ rows, total, cursors }) => ({
    hasNextPage: rows.length < total,
    hasPreviousPage: false,
    startCursor: rows.length ? cursorAt(cursors, 0) : null,
    endCursor: rows.length ? cursorAt(cursors, rows.length - 1) : null,
  }),
}

const belowCPO = (row, cpoId) => {
  row.cpo_id = cpoId
  return row
}

export const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (moment) => new Date(moment).toISOString() }),
  Query: {
    async cpos(_, { first }, { pages }) {
      const page = await pages.load(['/ocpi/cpos', first ?? 50])
      return connection(page.data, page.total, 'CPOs')
    },
    // Not read: what the workloads select below it proves that it exists.
    cpo: (_, { cpoId }) => ({ cpo_id: cpoId }),
    async location(_, { cpoId, locationId }, { locations }) {
      const row = await locations.load([cpoId, locationId])
      return row && belowCPO(row, cpoId)
    },
  },
  CPO: {
    id: (cpo) => `CPO:${encoded(cpo.cpo_id)}`,
    cpoId: (cpo) => cpo.cpo_id,
    namePrefix: (cpo) => cpo.name_prefix,
    async locations({ cpo_id: cpoId }, { first }, { pages }) {
      const page = await pages.load([`/ocpi/cpos/${cpoId}/locations`, first ?? 50])
      return connection(page.data.map((row) => belowCPO(row, cpoId)), page.total, 'Locations', cpoId)
    },
  },
  Location: {
    id: (location) => `Location:${encoded(location.cpo_id)}:${encoded(location.id)}`,
    locationId: (location) => location.id,
    isPublic: (location) => location.public,
    createdAt: (location) => location.created_at,
    chargers({ cpo_id: cpoId, id, chargers }, { first }) {
      const rows = chargers ?? []
      return connection(rows.slice(0, first ?? 50), rows.length, 'Location.chargers', cpoId, id)
    },
  },
  Charger: {
    id: (charger) => `Charger:${encoded(charger.id)}`,
    chargerId: (charger) => charger.id,
    connectorType: (charger) => charger.connector_type,
    ocppVersion: (charger) => charger.ocpp_version,
  },
  CPOConnection: connectionResolvers,
  LocationConnection: connectionResolvers,
  LocationChargerConnection: connectionResolvers,
}

export const announce = (address) => console.log(`listening on ${address}`)
