// The calls over HTTP, as deploy/openapi.yaml describes them.
//
// The key is the tab's: sessionStorage forgets it with the tab, and no other tab has it.  What
// is busy or away for a moment is asked again, which no call minds: one that writes has an
// Idempotency-Key, under which nothing is done twice.

const stored = 'leadterra.key';
const attempts = 6;
const passing = [0, 429, 503, 504];

export class Failure extends Error {
  constructor(status, answer, retryAfter) {
    super(answer?.message || `the server answered ${status}`);
    this.status = status;
    this.code = answer?.code ?? '';
    this.errors = answer?.errors ?? [];
    this.retryAfter = Number(retryAfter) || 0;
  }
}

export const isSignedIn = () => sessionStorage.getItem(stored) !== null;

// Keeps a key that the server takes, and throws where it does not.
export async function signIn(key) {
  await call('GET', '/v1/campaigns?limit=1', { key }).catch((failure) => {
    // A key without that scope is a key.
    if (failure.code !== 'insufficient_scope') throw failure;
  });
  sessionStorage.setItem(stored, key);
}

// The workspace of the key, which begins with it.
export const workspace = () => sessionStorage.getItem(stored)?.split('_')[2].slice(0, 26);

const leaving = [];
// Calls something when somebody signs out.
export const onSignOut = (listener) => leaving.push(listener);

export function signOut() {
  sessionStorage.removeItem(stored);
  leaving.forEach((listener) => listener());
}

let refused = () => {};
// Calls something when the key is not taken any more.
export function onRefused(listener) {
  refused = listener;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function send(method, path, headers, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method, headers, body, signal, cache: 'no-store', credentials: 'omit', redirect: 'error',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0, { message: 'the server cannot be reached' });
  }
  const answer = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  throw new Failure(response.status, answer, response.headers.get('Retry-After'));
}

// Makes a call, and returns what it answers.
//   body    is sent as JSON
//   once    the Idempotency-Key; without one a call that writes gets one of its own, and by null
//           none
//   signal  ends it
//   wait    is told why it is made again, and after how many seconds
async function call(method, path, { body, once, signal, wait, key } = {}) {
  const used = key ?? sessionStorage.getItem(stored);
  const headers = { Authorization: `Bearer ${used}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && once !== null) headers['Idempotency-Key'] = once ?? crypto.randomUUID();
  const text = body === undefined ? undefined : JSON.stringify(body);
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(method, path, headers, text, signal);
    } catch (failure) {
      if (failure.status === 401 && used === sessionStorage.getItem(stored)) refused();
      if (!passing.includes(failure.status) || attempt === attempts) throw failure;
      const seconds = Math.max(failure.retryAfter, Math.min(2 ** (attempt - 1), 15));
      wait?.(failure, seconds);
      await pause(seconds, signal);
    }
  }
}

// A path with its parameters: those that are empty are left out.
export function address(path, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => (value ?? '') !== ''),
  ).toString();
  return query ? `${path}?${query}` : path;
}

const get = (path, parameters, options) => call('GET', address(path, parameters), options);
const post = (path, body, options) => call('POST', path, { body, ...options });
const one = (path, id) => `${path}/${encodeURIComponent(id)}`;
const campaign = (id) => one('/v1/campaigns', id);

// A list is a page, { data, next }: next is where it goes on, as the parameter "after", or null.

export const listCampaigns = (p, o) => get('/v1/campaigns', p, o);
export const createCampaign = (body) => post('/v1/campaigns', body);
export const getCampaign = (id, o) => get(campaign(id), {}, o);
export const changeCampaign = (id, body) => call('PATCH', campaign(id), { body });
export const deleteCampaign = (id) => call('DELETE', campaign(id));
export const startCampaign = (id) => post(`${campaign(id)}/start`);
export const pauseCampaign = (id) => post(`${campaign(id)}/pause`);
export const stepStats = (id, o) => get(`${campaign(id)}/stats/steps`, {}, o);
export const dayStats = (id, o) => get(`${campaign(id)}/stats/days`, {}, o);
export const forecast = (id, o) => get(`${campaign(id)}/forecast`, {}, o);
export const preflight = (id, o) => get(`${campaign(id)}/preflight`, {}, o);
export const preview = (id, p, o) => get(`${campaign(id)}/preview`, p, o);
export const campaignLeads = (id, p, o) => get(`${campaign(id)}/leads`, p, o);
export const campaignLead = (id, lead, o) => get(one(`${campaign(id)}/leads`, lead), {}, o);
export const campaignMessages = (id, p, o) => get(`${campaign(id)}/messages`, p, o);
export const bulkLeads = (id, leads, { dryRun, ...options }) =>
  post(address(`${campaign(id)}/leads/bulk`, { onInvalid: 'skip', dryRun }), { leads }, options);

export const findLead = (email, o) => get('/v1/leads', { email }, o);
export const getLead = (id, o) => get(one('/v1/leads', id), {}, o);

export const listSuppressions = (p, o) => get('/v1/suppression-list', p, o);
export const suppress = (emails) => post('/v1/suppression-list', { emails });
export const unsuppress = (emails) => call('DELETE', '/v1/suppression-list', { body: { emails } });

// These are published as bare arrays, of all there are.
const all = async (path, options) => ({ data: await get(path, {}, options), next: null });
export const listPools = (o) => all('/v1/sender-pools', o);
export const listSenders = (o) => all('/v1/sender-accounts', o);

// Its pages have numbers.
export async function listReplies({ after = 1, ...parameters }, options) {
  const { replies, pagination } = await get('/v1/replies',
    { view: 'page', page: after, ...parameters }, options);
  const { total, page, perPage } = pagination;
  return { data: replies, next: page * perPage < total ? page + 1 : null };
}
export const classifyReply = (id, classification) =>
  call('PATCH', one('/v1/replies', id), { body: { classification } });

export const listWebhooks = (o) => get('/v1/webhooks', {}, o);
export const createWebhook = (body) => post('/v1/webhooks', body);
export const deleteWebhook = (id) => call('DELETE', one('/v1/webhooks', id));
export const resumeWebhook = (id) => post(`${one('/v1/webhooks', id)}/resume`);
export const listDeliveries = (id, o) => get(`${one('/v1/webhooks', id)}/deliveries`, {}, o);
export const redeliver = (id) => post(`${one('/v1/deliveries', id)}/redeliver`);
