// What all views are made of.

import { h } from './vendor/preact.mjs';
import { useCallback, useEffect, useId, useRef, useState } from './vendor/hooks.mjs';
import htm from './vendor/htm.mjs';
import * as format from './format.js';

export { h };
export { useCallback, useEffect, useId, useMemo, useRef, useState } from './vendor/hooks.mjs';
export const html = htm.bind(h);

// Says something to who listens to the page; others see it for a while.
export function announce(text, kind = 'done') {
  const place = document.getElementById('said');
  const said = document.createElement('p');
  said.className = `said ${kind}`;
  said.textContent = text;
  place.append(said);
  setTimeout(() => said.remove(), 6000);
}

// Loads what a view shows, again when something it depends on changes, and every so many
// seconds while somebody can see the page.  What was there stays until the new is.
export function useLoad(load, depends, seconds = 0) {
  const [state, setState] = useState({ loading: true });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const shown = JSON.stringify(depends);
  useEffect(() => {
    const ending = new AbortController();
    const options = { signal: ending.signal };
    setState((old) => (old.shown === shown ? { ...old, loading: true } : { loading: true }));
    load(options).then(
      (data) => ending.signal.aborted || setState({ data, shown }),
      (error) => ending.signal.aborted || setState((old) => ({ ...old, loading: false, error })),
    );
    return () => ending.abort();
  }, [shown, turn]);
  useEffect(() => {
    if (!seconds) return undefined;
    const timer = setInterval(() => document.hidden || reload(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return { ...state, reload };
}

// Loads a list page by page: "more" fetches the next one, where there is one.
// Where only the first is there, it is loaded again every so many seconds.
export function usePages(load, depends, seconds = 0) {
  const [later, setLater] = useState({});
  const first = useLoad((options) => load({}, options), depends, later.rows ? 0 : seconds);
  const isOf = later.first === first.data;
  const rows = [...(first.data?.data ?? []), ...((isOf && later.rows) || [])];
  const next = isOf ? later.next : first.data?.next;
  const more = async () => {
    setLater({ ...(isOf ? later : { first: first.data, next }), loading: true });
    try {
      const page = await load({ after: next }, {});
      setLater({
        first: first.data, next: page.next,
        rows: [...((isOf && later.rows) || []), ...page.data],
      });
    } catch (error) {
      setLater({ ...later, first: first.data, next, loading: false });
      announce(error.message, 'failed');
    }
  };
  return {
    ...first, rows, more: next ? more : null, fetching: Boolean(isOf && later.loading),
    isKnown: first.data !== undefined,
  };
}

export function Button({ act, kind = '', children, done, disabled, ...rest }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await act();
      if (done) announce(done);
    } catch (error) {
      announce(error.message, 'failed');
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class=${`button ${kind}`} onClick=${run}
    disabled=${busy || disabled} aria-busy=${busy} ...${rest}>${children}</button>`;
}

const tones = {
  running: 'good', active: 'good', interested: 'good', sent: 'good', replied: 'good',
  paused: 'warn', warming: 'warn', retry: 'warn', warning: 'warn', leased: 'warn',
  out_of_office: 'warn',
  failed: 'bad', bounced: 'bad', bounce: 'bad', disabled: 'bad', error: 'bad', invalid: 'bad',
};

// A state in a word: the word tells it, and the color helps.
export const Badge = ({ state, children }) =>
  html`<span class=${`badge ${tones[state] ?? ''}`}>${children ?? format.words(state)}</span>`;

export const Time = ({ value, near }) =>
  value
    ? html`<time datetime=${value} title=${format.exactTime(value)}>${
        near ? format.distance(value) : format.time(value)}</time>`
    : format.none;

export const Notice = ({ kind = '', children }) =>
  html`<div class=${`notice ${kind}`} role=${kind === 'bad' ? 'alert' : null}>${children}</div>`;

export function Problem({ error, retry }) {
  const text =
    error.code === 'insufficient_scope'
      ? `This key may not see this: ${error.message}.`
      : `That did not work: ${error.message}.`;
  return html`<${Notice} kind="bad"><p>${text}</p>
    ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
  <//>`;
}

export const Empty = ({ title, children }) =>
  html`<div class="empty"><h2>${title}</h2>${children}</div>`;

export const Loading = () => html`<p class="loading" role="status">Loading …</p>`;

// Shows what was loaded, or why there is nothing yet.
export function Loaded({ from, children }) {
  if (from.data === undefined) {
    return from.error
      ? html`<${Problem} error=${from.error} retry=${from.reload} />`
      : html`<${Loading} />`;
  }
  return html`${from.error && html`<${Problem} error=${from.error} retry=${from.reload} />`}
    ${children(from.data)}`;
}

// A text of others, which may be long: then it begins, and is all there for who opens it.
const mostShown = 200;
export const Long = ({ text }) =>
  text.length <= mostShown
    ? html`<bdi class="long">${text}</bdi>`
    : html`<details class="long"><summary><bdi>${text.slice(0, mostShown)} …</bdi></summary>
        <bdi>${text}</bdi></details>`;

// A table.  On a narrow screen a row is a card: each cell names its column.  Roles are said,
// since they go with the layout of a table.
//   caption  is shown, unless the heading above says the same (quiet)
//   columns  of { label, cell(row), kind: "number" | "main" | "act" }
export function Table({ caption, quiet, columns, rows, id = (row) => row.id }) {
  const cell = (column, row) =>
    column.kind === 'main'
      ? html`<th scope="row" role="rowheader" class="main">${column.cell(row)}</th>`
      : html`<td role="cell" class=${column.kind} data-label=${column.label}>
          <div>${column.cell(row)}</div></td>`;
  return html`<table role="table">
    <caption class=${quiet ? 'unseen' : null}>${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map((column) =>
      html`<th scope="col" role="columnheader" class=${column.kind}>${
        column.kind === 'act' ? html`<span class="unseen">${column.label}</span>` : column.label
      }</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) =>
      html`<tr role="row" key=${id(row)}>${columns.map((column) => cell(column, row))}</tr>`)}
    </tbody>
  </table>`;
}

// A list in pages as a table, with what to say where it is empty.
export function Pages({ from, empty, ...table }) {
  if (!from.isKnown || from.rows.length === 0) {
    if (from.isKnown && !from.more) return empty;
    if (!from.isKnown) return html`<${Loaded} from=${from}>${() => null}<//>`;
  }
  return html`<${Table} ...${table} rows=${from.rows} />
    ${from.more && html`<p class="more"><button type="button" class="button"
      disabled=${from.fetching} onClick=${from.more}>Show more</button></p>`}`;
}

// A label with what it labels; "children" gets the id.
export function Field({ label, hint, children }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${label}</label>
    ${children(id, hint ? `${id}-hint` : null)}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}</div>`;
}

export const Select = ({ label, value, options, set }) =>
  html`<${Field} label=${label}>${(id) =>
    html`<select id=${id} value=${value} onChange=${(event) => set(event.target.value)}>
      ${options.map(([key, text]) =>
        html`<option value=${key} selected=${key === value}>${text}</option>`)}
    </select>`}<//>`;

// A dialog that is open as long as it is there.
export function Dialog({ title, close, children }) {
  const place = useRef();
  const id = useId();
  useEffect(() => {
    const back = document.activeElement;
    place.current.showModal();
    return () => back?.focus?.();
  }, []);
  return html`<dialog ref=${place} aria-labelledby=${id} onClose=${close}>
    <h2 id=${id}>${title}</h2>${children}</dialog>`;
}

// Asks before something that cannot be undone.
export function Confirm({ title, text, verb, act, close }) {
  return html`<${Dialog} title=${title} close=${close}>
    <p>${text}</p>
    <div class="acts">
      <button type="button" class="button" onClick=${close}>Cancel</button>
      <${Button} kind="danger" act=${async () => { await act(); close(); }}>${verb}<//>
    </div>
  <//>`;
}

// A bar of how much is done; the text beside it says the same.
export const Bar = ({ part, all, label }) =>
  html`<progress class="bar" value=${part} max=${all || 1} aria-label=${label}></progress>`;

// A link to a place in the page.
export const place = (path, parameters) => {
  const query = new URLSearchParams(
    Object.entries(parameters ?? {}).filter(([, value]) => (value ?? '') !== ''),
  ).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`;
};
