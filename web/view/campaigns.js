// All campaigns at a glance: what each did, and in a few words why it sends nothing.

import * as api from '../api.js';
import {
  Badge, Bar, Dialog, Empty, Field, Pages, Select, html, place, useEffect, usePages, useState,
} from '../parts.js';
import * as format from '../format.js';
import { Bounces, Turn, planned, today } from './campaign_parts.js';

// What is sent today, and what is still to be.  It is asked for campaigns that run, one after
// the other: the list is there before.
function Today({ campaign }) {
  const [plan, setPlan] = useState(null);
  const runs = campaign.status === 'running';
  useEffect(() => {
    const ending = new AbortController();
    if (runs) {
      askToday(campaign, ending.signal).then(setPlan, () => setPlan(undefined));
    }
    return () => ending.abort();
  }, [campaign.id, runs, campaign.sent]);
  if (!runs || plan === null || plan === undefined) return format.none;
  return html`${format.number(plan.sent)}
    <span class="sub">${plan.left > 0 ? `${format.number(plan.left)} to come` : 'nothing to come'}
    </span>`;
}

let queue = Promise.resolve();
function askToday(campaign, signal) {
  const ask = async () => {
    signal.throwIfAborted();
    const [days, plan] = await Promise.all([
      api.dayStats(campaign.id, { signal }), api.forecast(campaign.id, { signal }),
    ]);
    const day = today(campaign);
    const of = (rows, name) =>
      rows.filter((row) => row.day === day).reduce((sum, row) => sum + row[name], 0);
    return { sent: of(days.data, 'sent'), left: of(plan.data, 'messages') };
  };
  const answer = queue.then(ask);
  queue = answer.catch(() => {});
  return answer;
}

function NewCampaign({ close }) {
  const create = async (event) => {
    event.preventDefault();
    const { name, subject, text } = event.target.elements;
    const escaped = document.createElement('p');
    const html = text.value.split(/\n{2,}/).map((paragraph) => {
      escaped.textContent = paragraph;
      return escaped.outerHTML.replaceAll('\n', '<br>');
    });
    const campaign = await api.createCampaign({
      name: name.value,
      sequenceSteps: [{ subject: subject.value, bodyHtml: html.join('') }],
    });
    close();
    location.hash = place(['campaigns', campaign.id]);
  };
  const [problem, setProblem] = useState('');
  const submit = (event) => create(event).catch((error) => setProblem(error.message));
  return html`<${Dialog} title="New campaign" close=${close}>
    <form class="stack" onSubmit=${submit}>
      ${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
      <${Field} label="Name">${(id) => html`<input id=${id} name="name" required />`}<//>
      <${Field} label="Subject of the first mail">${(id) =>
        html`<input id=${id} name="subject" required placeholder="{{firstName|Hello}}, a question"
          />`}<//>
      <${Field} label="Its text" hint="A field of a lead stands in braces, such as {{company}},
        with what to write where it is missing behind a bar: {{firstName|there}}.">${(id, hint) =>
        html`<textarea id=${id} name="text" rows="6" required
          aria-describedby=${hint}></textarea>`}<//>
      <div class="acts">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <button class="button first">Create a draft</button>
      </div>
    </form>
  <//>`;
}

export default function Campaigns({ parameters }) {
  const [isNew, setNew] = useState(false);
  const { status = '', search = '' } = parameters;
  const pages = usePages(
    (more, options) => api.listCampaigns({ status, search, ...more }, options),
    [status, search], 15,
  );
  const narrow = (change) => { location.hash = place(['campaigns'],
    { status, search, ...change }); };
  const columns = [
    {
      label: 'Campaign', kind: 'main',
      cell: (campaign) => html`<a href=${place(['campaigns', campaign.id])}>${campaign.name}</a>
        ${' '}<${Badge} state=${campaign.status} />
        <span class="sub">${format.localized(campaign.sending.message)}</span>`,
    },
    {
      label: 'Sent',
      cell: (campaign) => html`<div class="meter">
        <span class="one-line">${format.number(campaign.sent)}
          <span class="muted"> of ${format.number(planned(campaign))}</span></span>
        <${Bar} part=${campaign.sent} all=${planned(campaign)} label=${`Sent of ${campaign.name}`}
          />
      </div>`,
    },
    {
      label: 'Replied', kind: 'number',
      cell: (campaign) => html`${format.number(campaign.replied)}
        <span class="sub">${format.share(campaign.replied, campaign.sent)}</span>`,
    },
    { label: 'Bounced', kind: 'number',
      cell: (campaign) => html`<${Bounces} campaign=${campaign} />` },
    { label: 'Today', kind: 'number', cell: (campaign) => html`<${Today} campaign=${campaign} />` },
    {
      label: 'Start or pause', kind: 'act',
      cell: (campaign) => html`<${Turn} campaign=${campaign} reload=${pages.reload} />`,
    },
  ];
  const empty = status || search
    ? html`<${Empty} title="No campaign is like this">
        <p><a href="#/campaigns">Show all campaigns</a></p><//>`
    : html`<${Empty} title="There is no campaign yet">
        <p>Create one here, or by <code>POST /v1/campaigns</code>. Then import leads into it, look
          at its mails, and start it.</p>
        <button type="button" class="button first" onClick=${() => setNew(true)}>New
          campaign</button>
      <//>`;
  return html`
    <div class="head">
      <div><h1>Campaigns</h1></div>
      <button type="button" class="button first" onClick=${() => setNew(true)}>New campaign</button>
    </div>
    <form class="filters" role="search" onSubmit=${(event) => {
      event.preventDefault();
      narrow({ search: event.target.elements.search.value.trim() });
    }}>
      <${Field} label="Name">${(id) =>
        html`<input id=${id} name="search" type="search" key=${search} defaultValue=${search}
          />`}<//>
      <${Select} label="State" value=${status} set=${(value) => narrow({ status: value })}
        options=${[['', 'All'], ['running', 'Running'], ['paused', 'Paused'], ['draft', 'Drafts']]}
          />
      <button class="button">Find</button>
    </form>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Campaigns" quiet /></div>
    ${isNew && html`<${NewCampaign} close=${() => setNew(false)} />`}`;
}
