// Calls the functions as an application does that uses postgrest-js: client.mjs ADDRESS KEY
// Prints what came of each step, as JSON.
import { PostgrestClient } from '@supabase/postgrest-js'

const [address, key] = process.argv.slice(2)
const client = (apiKey) => new PostgrestClient(address, { headers: apiKey ? { 'X-Api-Key': apiKey } : {} })
const db = client(key)
const results = {}

async function step(name, query) {
  const { data, error, status, count } = await query
  results[name] = { data, status, ...(error ? { error } : {}), ...(count === null ? {} : { count }) }
  return data
}

const campaign = await step('create', db.rpc('lt_create_campaign', {
  name: 'From JavaScript',
  steps: [{ subject: 'Hi {{firstName|there}}', bodyHtml: '<p>{{company}}</p>' }]
}))
// Objects whose keys differ.
await step('enroll', db.rpc('lt_bulk_upsert', {
  campaign_id: campaign,
  leads: [{ email: 'ava@example.com', firstName: 'Ava', company: 'A & Co' }, { email: 'ben@example.com', useCase: 'demo' }]
}))
await step('enroll again', db.rpc('lt_bulk_upsert', { campaign_id: campaign, leads: { leads: [{ email: 'BEN@example.com' }, { email: 'cy@example.com' }] } }).single())
await step('invalid', db.rpc('lt_bulk_upsert', { campaign_id: campaign, leads: [{ email: 'dan@example.com' }, { email: 'nobody' }] }))
await step('report', db.rpc('lt_bulk_upsert_report', { campaign_id: campaign, leads: [{ email: 'nobody' }], on_invalid: 'skip', dry_run: true }).select('index,outcome,reason'))
await step('suppress', db.rpc('lt_suppress', { emails: ['cy@example.com'] }))
await step('start', db.rpc('lt_start_campaign', { campaign_id: campaign }).select('status,queued_messages'))
await step('add', db.rpc('lt_add_leads', { campaign_id: campaign, leads: [{ email: 'eve@example.com', first_name: 'Eve' }, { email: 'cy@example.com' }] }))
await step('campaigns', db.from('lt_campaigns').select('campaign_id,name,leads_enrolled').eq('status', 'running').single())
await step('leads', db.from('lt_leads').select('email,first_name,custom', { count: 'exact' }).order('email').range(0, 1))
const claimed = await step('claim', db.rpc('lt_claim_messages', { max_messages: 2, campaign_id: campaign }).select('lease_id,email,subject').order('email'))
await step('complete', db.rpc('lt_complete_messages', { lease_id: claimed[0].lease_id }))
await step('complete again', db.rpc('lt_complete_messages', { lease_id: claimed[0].lease_id }))
await step('extend', db.rpc('lt_extend_lease', { lease_id: claimed[0].lease_id, lease_for: '5 minutes' }))
await step('stats', db.rpc('lt_campaign_stats', { campaign_id: campaign }).select('sent,queued').single())
await step('unknown', db.rpc('lt_start_campaign', { campaign_id: '00000000-0000-0000-0000-000000000001' }))
await step('no such function', db.rpc('lt_use_workspace', { workspace_id: '00000000-0000-0000-0000-000000000001' }))
await step('without a key', client().from('lt_campaigns').select())
await step('a wrong key', client('sk_live_x').rpc('lt_suppress', { emails: ['x@example.com'] }))

console.log(JSON.stringify(results))
