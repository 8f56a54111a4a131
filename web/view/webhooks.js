// Where events are told, and what became of the last deliveries.

import * as api from '../api.js';
import {
  Badge, Button, Confirm, Dialog, Empty, Field, Notice, Pages, Time, html, place, usePages,
  useState,
} from '../parts.js';
import * as format from '../format.js';

const known = ['campaign.started', 'campaign.paused', 'campaign.finished', 'message.sent',
  'message.bounced', 'message.failed', 'message.complained', 'message.clicked', 'reply.received',
  'lead.unsubscribed'];

function Add({ close, reload }) {
  const [made, setMade] = useState(null);
  const [problem, setProblem] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    const { url, events } = event.target.elements;
    try {
      setMade(await api.createWebhook({
        url: url.value, events: [...events].filter((box) => box.checked).map((box) => box.value),
      }));
      reload();
    } catch (error) {
      setProblem(error.message);
    }
  };
  if (made) {
    return html`<${Dialog} title="The webhook is there" close=${close}>
      <p>Deliveries are signed with this secret. It is shown this once.</p>
      <p class="notice code">${made.secret}</p>
      <div class="acts"><button type="button" class="button first" onClick=${close}>I have
        it</button></div><//>`;
  }
  return html`<${Dialog} title="New webhook" close=${close}><form class="stack" onSubmit=${submit}>
    ${problem && html`<${Notice} kind="bad"><p>${problem}</p><//>`}
    <${Field} label="Address">${(id) => html`<input id=${id} name="url" type="url" required
      placeholder="https://example.com/hook" />`}<//>
    <fieldset><legend>It is told of</legend><div class="days">${known.map((event) =>
      html`<label class="check"><input type="checkbox" name="events" value=${event}
        defaultChecked />${event}</label>`)}</div></fieldset>
    <div class="acts"><button type="button" class="button" onClick=${close}>Cancel</button>
      <button class="button first">Create</button></div></form><//>`;
}

function Deliveries({ id }) {
  const pages = usePages((more, options) => api.listDeliveries(id, options), [id], 15);
  const columns = [
    {
      label: 'Event', kind: 'main',
      cell: (row) => html`${row.event}<span
        class="sub">attempt ${format.number(row.attempt)}</span>`,
    },
    {
      label: 'Answer',
      cell: (row) => html`<${Badge} state=${row.succeeded ? 'sent' : 'failed'}>${
        row.statusCode ?? (row.succeeded ? 'taken' : 'no answer')}<//>
        ${row.error && html`<span class="sub">${row.error}</span>`}`,
    },
    { label: 'Ended', cell: (row) => html`<${Time} value=${row.finishedAt} />` },
    { label: 'Took', kind: 'number', cell: (row) => html`${format.number(row.milliseconds)} ms` },
    { label: 'Again', cell: (row) => html`<${Time} near value=${row.retryAt} />` },
    {
      label: 'Send again', kind: 'act',
      cell: (row) => html`<${Button} kind="small" done="It will be sent again."
        act=${() => api.redeliver(row.id).then(pages.reload)}>Send again<//>`,
    },
  ];
  const empty = html`<${Empty} title="Nothing was delivered yet">
    <p>Attempts stand here once the worker has made them.</p><//>`;
  return html`<p class="crumb"><a href="#/webhooks">Webhooks</a></p>
    <div class="head"><div><h1>Last deliveries</h1></div>
      <button type="button" class="button" onClick=${pages.reload}>Look again</button></div>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      id=${(row) => `${row.id}/${row.attempt}`}
      caption="Deliveries" quiet /></div>`;
}

function List() {
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState(null);
  const pages = usePages((more, options) => api.listWebhooks(options), [], 30);
  const columns = [
    {
      label: 'Address', kind: 'main',
      cell: (row) => html`<a href=${place(['webhooks', row.id])}>${row.url}</a>
        ${' '}<${Badge} state=${row.status} />
        ${row.disabledReason && html`<span class="sub">${row.disabledReason === 'gone'
          ? 'It answered that it is gone.'
          : 'Five deliveries in a row failed for good.'}</span>`}`,
    },
    { label: 'Events', cell: (row) => html`<span class="sub">${format.list(row.events)}</span>` },
    { label: 'Since', cell: (row) => html`<${Time} value=${row.createdAt} />` },
    {
      label: 'Resume or delete', kind: 'act',
      cell: (row) => html`${row.status === 'disabled' && html`<${Button} kind="small"
          done="It is told of events again."
            act=${() => api.resumeWebhook(row.id).then(pages.reload)}>Resume<//>`}
        <button type="button" class="button small danger" onClick=${() => setLeaving(row)}>
          Delete<span class="unseen"> ${row.url}</span></button>`,
    },
  ];
  const empty = html`<${Empty} title="No webhook is told of anything">
    <p>A webhook is an address of yours that is told what happens: that a mail was sent, answered
      or bounced.</p>
    <button type="button" class="button first" onClick=${() => setAdding(true)}>New
      webhook</button><//>`;
  return html`<div class="head"><div><h1>Webhooks</h1></div>
      <button type="button" class="button first" onClick=${() => setAdding(true)}>New
        webhook</button></div>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Webhooks" quiet /></div>
    ${isAdding && html`<${Add} close=${() => setAdding(false)} reload=${pages.reload} />`}
    ${leaving && html`<${Confirm} title="Delete this webhook?" verb="Delete"
      text=${`${leaving.url} is told of nothing any more, and its secret is gone.`}
      act=${async () => {
        await api.deleteWebhook(leaving.id);
        pages.reload();
      }} close=${() => setLeaving(null)} />`}`;
}

export default function Webhooks({ path }) {
  return path[1] ? html`<${Deliveries} id=${path[1]} />` : html`<${List} />`;
}
