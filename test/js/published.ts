// Makes the published calls as an application in strict TypeScript does, by openapi-fetch and
// types that were made of deploy/openapi.yaml: published.js ADDRESS KEY, once it is compiled.
// The bodies are the examples of the services' pages.  Prints what came of each step, as JSON.
import createClient from 'openapi-fetch'
import type { components, paths } from './openapi.js'

declare const process: { argv: [string, string, string, string] }

const [, , baseUrl, key] = process.argv
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } })
const results: Record<string, unknown> = {}

// Shows what a step came to, and returns what it answered where that was a success.
function shown<Data, Failure>(name: string, answer: { data?: Data, error?: Failure, response: Response }): Data | undefined {
  results[name] = { status: answer.response.status, answer: answer.data ?? answer.error }
  return answer.data
}

const created = shown('create', await api.POST('/v1/campaigns', {
  body: {
    name: 'Q3 outbound',
    sequenceSteps: [
      { subject: 'Quick question, {{firstName}}', bodyHtml: '<p>Hi {{firstName}}</p>' },
      { subject: 'Following up', bodyHtml: '<p>Still relevant for {{company}}?</p>', delayDays: 3 }
    ]
  }
}))
const id: string = created?.campaign.id ?? ''
const path = { params: { path: { id } } }

shown('reference page', await api.POST('/v1/campaigns/{id}/leads/bulk', {
  ...path,
  body: {
    leads: [
      { email: 'ava@example.com', firstName: 'Ava', company: 'ExampleCo', jobTitle: 'VP Sales' },
      { email: 'ben@example.com', firstName: 'Ben', company: 'AcmeCorp', jobTitle: 'Head of Growth' },
      { email: 'cara@example.com', firstName: 'Cara', company: 'StartupHQ', jobTitle: 'Founder' },
      { email: 'dan@example.com', firstName: 'Dan', company: 'ScaleUp Inc', jobTitle: 'Director of Sales' }
    ]
  }
}))
const guide = shown('guide', await api.POST('/v1/campaigns/{id}/leads/bulk', {
  ...path,
  headers: { 'Idempotency-Key': 'guide' },
  body: {
    leads: [
      { email: 'ava@acmecorp.com', firstName: 'Ava', lastName: 'Chen', company: 'Acme Corp', jobTitle: 'VP Sales', customFields: { useCase: 'outbound', seats: 20 } },
      { email: 'marcus@buildfast.io', firstName: 'Marcus', lastName: 'Webb', company: 'BuildFast', jobTitle: 'Head of Growth' }
    ]
  }
}))
const totalInCampaign: number | undefined = guide?.result.totalInCampaign
results['total in campaign'] = totalInCampaign
// Custom fields at the top, of any type.
shown('concept page', await api.POST('/v1/campaigns/{id}/leads/bulk', {
  ...path,
  params: { ...path.params, query: { onInvalid: 'skip' } },
  body: {
    leads: [
      { email: 'priya.sharma@voltmetrics.io', firstName: 'Priya', company: 'Voltmetrics', jobTitle: 'VP of Sales' },
      { email: 'dan.foster@loopcraft.com', firstName: 'Dan', company: 'Loopcraft', jobTitle: 'Head of Growth', useCase: 'outbound pipeline generation' },
      { email: 'nobody', seats: 20, tags: ['a', 'b'], phone: null }
    ]
  }
}))
const invalid = await api.POST('/v1/campaigns/{id}/leads/bulk', { ...path, body: { leads: [{ email: 'nobody' }] } })
const failures: (number | undefined)[] | undefined = invalid.error?.errors?.map(({ index }) => index)
shown('invalid', invalid)
results['entries that are invalid'] = failures

const lead: components['schemas']['V2NewLead'] = {
  email: 'example@example.com',
  personalization: 'Hello, how are you?',
  website: 'https://example.com',
  last_name: 'Doe',
  first_name: 'John',
  company_name: 'Example Inc.',
  job_title: 'Head of Growth',
  phone: '+1234567890',
  lt_interest_status: 1,
  pl_value_lead: 'High',
  assigned_to: '019e0e3e-599d-7e0a-961f-546be24be171',
  custom_variables: { past_customer: true, has_tried_competitors: false }
}
shown('second service', await api.POST('/api/v2/leads/add', {
  body: { campaign_id: id, leads: [lead, { email: 'ava@example.com' }], skip_if_in_workspace: false }
}))
shown('suppress', await api.POST('/v1/suppression-list', { body: { emails: ['optout@example.com', 'donotcontact@example.com'] } }))
const started = shown('start', await api.POST('/v1/campaigns/{id}/start', path))
const running: 'running' | undefined = started?.status
results.running = running
shown('statistics', await api.GET('/v1/campaigns/{id}/stats', path))
shown('replies', await api.GET('/v1/replies', { params: { query: { campaignId: id, page: 1 } } }))
shown('pause', await api.POST('/v1/campaigns/{id}/pause', path))
const unknown = await api.POST('/api/v2/leads/add', { body: { list_id: '019e0e3e-b690-71a9-b399-fbf55d2134c0', leads: [lead] } })
const statusCode: number | undefined = unknown.error?.statusCode
shown('unknown', unknown)
results['its status'] = statusCode

console.log(JSON.stringify(results))

// What does not compile.
async function refused(): Promise<void> {
  // @ts-expect-error: a lead has an address
  await api.POST('/v1/campaigns/{id}/leads/bulk', { ...path, body: { leads: [{ firstName: 'Ava' }] } })
  // @ts-expect-error: and it is a text
  await api.POST('/v1/campaigns/{id}/leads/bulk', { ...path, body: { leads: [{ email: 7 }] } })
  // @ts-expect-error: a lead of the second service has no other members
  const other: components['schemas']['V2NewLead'] = { email: 'ava@example.com', firstName: 'Ava' }
  await api.POST('/api/v2/leads/add', { body: { campaign_id: id, leads: [other] } })
  // @ts-expect-error: nor a variable that is an object
  await api.POST('/api/v2/leads/add', { body: { campaign_id: id, leads: [{ email: 'ava@example.com', custom_variables: { a: {} } }] } })
  // @ts-expect-error: there is no such method
  await api.DELETE('/v1/suppression-list', {})
}
void refused
