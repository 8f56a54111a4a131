// Who is never mailed, and why.

import * as api from '../api.js';
import {
  Confirm, Dialog, Empty, Field, Loaded, Long, Notice, Pages, Time, announce, html, place, useLoad,
  usePages, useState,
} from '../parts.js';
import * as format from '../format.js';

const most = 1000;

function Add({ close, reload }) {
  const [problem, setProblem] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    const emails = event.target.elements.entries.value.split(/[\s,;]+/).filter(Boolean);
    const sum = { suppressed: 0, alreadySuppressed: 0 };
    try {
      for (let from = 0; from < emails.length; from += most) {
        const answer = await api.suppress(emails.slice(from, from + most));
        sum.suppressed += answer.suppressed;
        sum.alreadySuppressed += answer.alreadySuppressed;
      }
      announce(`${format.number(sum.suppressed)} added, ${
        format.number(sum.alreadySuppressed)} were there before.`);
      reload();
      close();
    } catch (error) {
      setProblem([error.message, ...error.errors.slice(0, 5).map((one) =>
        `${emails[one.index] ?? ''}: ${one.message}`)].join('. '));
    }
  };
  return html`<${Dialog} title="Add to the suppression list" close=${close}>
    <form class="stack" onSubmit=${submit}>
      ${problem && html`<${Notice} kind="bad"><p>${problem}</p><//>`}
      <${Field} label="Addresses, domains and wildcards" hint="One a line. example.com suppresses
        all of its addresses, *.example.com those of its subdomains.">${(id, hint) =>
        html`<textarea id=${id} name="entries" rows="8" required
          aria-describedby=${hint}></textarea>`}<//>
      <div class="acts">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <button class="button first">Add</button>
      </div>
    </form>
  <//>`;
}

// What keeps an address from being mailed, which may be its domain.
function Why({ email }) {
  const found = useLoad((options) => api.listSuppressions({ email }, options), [email]);
  return html`<${Loaded} from=${found}>${({ data: [entry] }) => entry
    ? html`<p class="notice warn"><bdi>${email}</bdi> is not mailed: <b>${entry.entry}</b> is on the
        list${entry.reason && html`, for this reason: ${entry.reason}`}.</p>`
    : html`<p class="notice"><bdi>${email}</bdi> is mailed: nothing on the list keeps it from
      that.</p>`}<//>`;
}

export default function Suppression({ parameters }) {
  const { search = '' } = parameters;
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState(null);
  const pages = usePages(
    (more, options) => api.listSuppressions({ search, ...more }, options), [search],
  );
  const columns = [
    { label: 'Entry', kind: 'main', cell: (row) => html`<bdi>${row.entry}</bdi>` },
    { label: 'Why', cell: (row) => html`<${Long} text=${row.reason || format.none} />` },
    { label: 'Since', cell: (row) => html`<${Time} value=${row.createdAt} />` },
    {
      label: 'Take off', kind: 'act',
      cell: (row) => html`<button type="button" class="button small"
        onClick=${() => setLeaving(row)}>
        Take off<span class="unseen"> ${row.entry}</span></button>`,
    },
  ];
  const empty = search
    ? html`<${Empty} title="No entry begins with this">
        <p><a href="#/suppression">Show the whole list</a></p><//>`
    : html`<${Empty} title="Nobody is suppressed">
        <p>Who unsubscribes or complains comes here by itself, and so does an address that bounces.
          Add those whom you know.</p>
        <button type="button" class="button first"
          onClick=${() => setAdding(true)}>Add</button><//>`;
  return html`
    <div class="head"><div><h1>Suppression list</h1>
        <p class="muted">Who is on it is mailed by no campaign.</p></div>
      <button type="button" class="button first" onClick=${() => setAdding(true)}>Add</button></div>
    <form class="filters" role="search" onSubmit=${(event) => {
      event.preventDefault();
      location.hash = place(['suppression'], { search: event.target.elements.search.value.trim() });
    }}>
      <${Field} label="Address or domain">${(id) => html`<input id=${id} name="search" type="search"
        key=${search} defaultValue=${search} size="34" />`}<//>
      <button class="button">Find</button>
    </form>
    ${/^[^\s@*]+@[^\s@]+\.[^\s@]+$/.test(search)
      && html`<div class="filters"><${Why} email=${search} /></div>`}
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      id=${(row) => row.entry} caption="Suppression list" quiet /></div>
    ${isAdding && html`<${Add} close=${() => setAdding(false)} reload=${pages.reload} />`}
    ${leaving && html`<${Confirm} title="Take it off the list?" verb="Take off"
      text=${`Campaigns may mail ${leaving.entry} again.`}
      act=${async () => {
        await api.unsuppress([leaving.entry]);
        pages.reload();
      }} close=${() => setLeaving(null)} />`}`;
}
