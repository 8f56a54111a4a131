// Imports: what is known of each in this browser, and the work itself.
//
// A file is sent in parts of 1,000 rows.  Part N of an import has an Idempotency-Key of its own,
// so a part that was sent and not noted, since the page was closed just then, is sent again and
// counts once.  What is noted is the number of parts that are done and their counts, and the rows
// that were left out, to be downloaded.  The file itself is not kept: who goes on after a reload
// chooses it again, and its size and digest tell whether it is the same.

import * as api from './api.js';
import { digest, readRows } from './csv.js';

const partSize = 1000;

// --- what is noted, in IndexedDB

const opened = new Promise((resolve, reject) => {
  const request = indexedDB.open('leadterra', 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('imports', { keyPath: 'id' });
    request.result.createObjectStore('leftOut', { keyPath: ['id', 'part'] });
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// Does something with the stores in a transaction, and returns what its request returns.
async function store(mode, work) {
  const database = await opened;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(['imports', 'leftOut'], mode);
    const request = work(transaction.objectStore('imports'), transaction.objectStore('leftOut'));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

const partsOf = (id) => IDBKeyRange.bound([id], [id, []]);

// Those of the workspace that one is in: others are not shown, nor could they go on.
export async function listImports() {
  const all = await store('readonly', (imports) => imports.getAll());
  return all.filter((one) => one.workspace === api.workspace());
}
export const noteImport = (one) => store('readwrite', (imports) => imports.put(one));
export const forgetImport = (id) =>
  store('readwrite', (imports, leftOut) => {
    leftOut.delete(partsOf(id));
    return imports.delete(id);
  });

// The rows that an import left out: [{ row, reasons, cells }].
export async function listLeftOut(id) {
  const parts = await store('readonly', (imports, leftOut) => leftOut.getAll(partsOf(id)));
  return parts.flatMap((part) => part.rows);
}

const notePart = (one, part, rows) =>
  store('readwrite', (imports, leftOut) => {
    if (rows.length > 0) leftOut.put({ id: one.id, part, rows });
    return imports.put(one);
  });

// --- columns and fields

// The fields of a lead, and what a column may be called that has one.
export const fields = [
  ['email', 'Address', ['email', 'e-mail', 'mail', 'emailaddress', 'workemail', 'businessemail']],
  ['firstName', 'First name', ['firstname', 'first', 'givenname', 'vorname', 'prenom']],
  ['lastName', 'Last name', ['lastname', 'last', 'surname', 'familyname', 'nachname', 'nom']],
  ['company', 'Company', ['company', 'companyname', 'organization', 'organisation', 'firma',
    'account']],
  ['jobTitle', 'Job title', ['jobtitle', 'title', 'position', 'role']],
  ['phone', 'Phone', ['phone', 'phonenumber', 'mobile', 'telefon', 'tel']],
  ['website', 'Website', ['website', 'url', 'domain', 'companywebsite', 'web']],
  ['personalization', 'Personal text', ['personalization', 'personalisation', 'icebreaker']],
  ['leadValue', 'Value', ['leadvalue', 'value', 'dealvalue']],
];
const known = new Set(fields.map(([name]) => name));

// What each column is taken for: a field, a custom field named after the column, or nothing.
export function guessMapping(header, sample) {
  const taken = new Set();
  const mapping = header.map((title) => {
    const plain = title.toLowerCase().replace(/[^a-z-]/g, '');
    const field = fields.find(([name, , names]) => names.includes(plain) && !taken.has(name));
    if (!field) return title.trim() === '' ? '' : customName(title);
    taken.add(field[0]);
    return field[0];
  });
  if (!taken.has('email')) {
    const at = header.findIndex((title, column) =>
      sample.some((row) => /^[^\s@]+@[^\s@]+$/.test(row[column]?.trim() ?? '')));
    if (at >= 0) mapping[at] = 'email';
  }
  return mapping;
}

// A name of a custom field that can stand in braces in a mail.
export function customName(title) {
  const [first = 'field', ...rest] = title.normalize('NFKD').replace(/[^A-Za-z0-9]+/g, ' ').trim()
    .split(' ').filter(Boolean);
  const name = first[0].toLowerCase() + first.slice(1)
    + rest.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
  return known.has(name) ? `${name}2` : name;
}

// A blank cell says nothing of a lead: what is known of it stays.
function leadOf(row, mapping) {
  const lead = { email: '' };
  const custom = {};
  mapping.forEach((name, column) => {
    const value = row[column]?.trim() ?? '';
    if (name === '' || (value === '' && name !== 'email')) return;
    if (known.has(name)) lead[name] = value;
    else custom[name] = value;
  });
  if (Object.keys(custom).length > 0) lead.customFields = custom;
  return lead;
}

// Codes of what is wrong with a row, as people say it.
const problems = {
  email_missing: 'there is no address', email_empty: 'there is no address',
  email_no_at: 'the address has no @', email_many_at: 'the address has more than one @',
  email_local_empty: 'nothing stands before the @',
  email_local_character: 'the address has a character that none has before its @',
  email_domain_empty: 'nothing stands behind the @',
  email_domain_one_label: 'the domain of the address has no dot',
  email_label_character: 'the domain of the address has a character that none has',
  email_too_long: 'the address is too long',
};
const problem = ({ field, code }) =>
  problems[code] ?? [field, code.replaceAll('_', ' ')].filter(Boolean).join(': ');

// --- the work

// Sends the rows of a file from where the import is on, and tells of each part.
//   one     an import: id, campaignId, format, header, mapping, hasHeader, and how far it is
//   dryRun  says what would happen, and neither does nor notes it
//   tell    is called with the import after each part
//   wait    is told why a part is sent again, and when
async function send(file, one, { dryRun = false, signal, tell, wait }) {
  let now = { ...one, startedAt: Date.now(), startedFrom: one.read, startedRows: one.rows };
  let part = 0;
  let seen = 0;
  let waiting = [];
  const sendPart = async (rows, read) => {
    part += 1;
    seen += rows.length;
    if (part <= now.parts) return;
    const answer = await api.bulkLeads(now.campaignId, rows.map((row) => leadOf(row, now.mapping)),
      {
      dryRun: dryRun || undefined, once: dryRun ? null : `${now.id}-${part}`, signal, wait,
    });
    const reasons = new Map();
    for (const error of answer.data.errors) {
      reasons.set(error.index, [...(reasons.get(error.index) ?? []), problem(error)]);
    }
    const left = [...reasons].map(([index, why]) => ({
      row: seen - rows.length + index + 1, reasons: why.join(', '), cells: rows[index],
    }));
    now = {
      ...now, parts: part, rows: seen, read,
      enrolled: now.enrolled + answer.enrolled, updated: now.updated + answer.updated,
      invalid: now.invalid + left.length, suppressed: now.suppressed + answer.skipped - left.length,
    };
    if (!dryRun) await notePart(now, part, left);
    tell(now, left);
  };
  let isFirst = now.hasHeader;
  for await (const { rows, read } of readRows(file, now.format, signal)) {
    if (isFirst && rows.length > 0) {
      rows.shift();
      isFirst = false;
    }
    waiting.push(...rows);
    while (waiting.length >= partSize) {
      await sendPart(waiting.slice(0, partSize), read);
      waiting = waiting.slice(partSize);
    }
  }
  if (waiting.length > 0) await sendPart(waiting, file.size);
  now = { ...now, read: file.size, finishedAt: Date.now() };
  if (!dryRun) await noteImport(now);
  tell(now, []);
  return now;
}

// What is at work, if anything: it goes on while other views are open.
//   import   as it is now
//   file     what it reads
//   dryRun   whether it only counts
//   note     why it waits
//   problem  why it has stopped
//   leftOut  some of the rows that it left out
let current = null;
const listeners = new Set();
const change = (what) => {
  current = what && { ...current, ...what };
  listeners.forEach((listener) => listener(current));
};

export const currentWork = () => current;
export function onWork(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const mostShown = 100;

export async function start(file, one, dryRun) {
  const ending = new AbortController();
  current = null;
  change({ file, import: one, dryRun, isRunning: true, leftOut: [], stop: () => ending.abort() });
  try {
    let ready = one;
    if (!dryRun && !one.digest) {
      change({ note: 'Reading the file …' });
      ready = {
        ...one, workspace: api.workspace(), digest: await digest(file, ending.signal),
      };
      await noteImport(ready);
    }
    await send(file, ready, {
      dryRun, signal: ending.signal,
      tell: (now, left) => change({
        import: now, note: '',
        leftOut: current.leftOut.length < mostShown ? [...current.leftOut, ...left]
          : current.leftOut,
      }),
      wait: (failure, seconds) =>
        change({ note: `${failure.message}: it is sent again in ${Math.ceil(seconds)} s` }),
    });
    change({ isRunning: false, note: '' });
  } catch (error) {
    if (current) {
      change({ isRunning: false, note: '', problem: ending.signal.aborted ? '' : error.message });
    }
  }
}

// Puts what is done out of sight.
export const clearWork = () => change(null);

api.onSignOut(() => {
  current?.stop();
  change(null);
});
