// The leads of a campaign by state, and of one of them what it got, and what comes next.

import * as api from '../api.js';
import {
  Badge, Empty, Field, Loaded, Long, Pages, Select, Table, Time, announce, html, place, useLoad,
  usePages,
} from '../parts.js';
import * as format from '../format.js';

const states = [['', 'All'], ['active', 'Active'], ['replied', 'Replied'], ['bounced', 'Bounced'],
  ['unsubscribed', 'Unsubscribed'], ['removed', 'Removed']];

export const nameOf = (lead) => [lead.firstName, lead.lastName].filter(Boolean).join(' ');

function List({ campaign, status }) {
  const here = ['campaigns', campaign.id, 'leads'];
  const pages = usePages(
    (more, options) => api.campaignLeads(campaign.id, { status, ...more }, options),
    [campaign.id, status],
  );
  const columns = [
    {
      label: 'Address', kind: 'main',
      cell: (lead) => html`<a href=${place([...here, lead.id])}><bdi>${lead.email}</bdi></a>`,
    },
    { label: 'Name', cell: (lead) => html`<${Long} text=${nameOf(lead) || format.none} />` },
    { label: 'Company', cell: (lead) => html`<${Long} text=${lead.company || format.none} />` },
    { label: 'State', cell: (lead) => html`<${Badge} state=${lead.status} />` },
    { label: 'Enrolled', cell: (lead) => html`<${Time} value=${lead.enrolledAt} />` },
  ];
  const empty = status
    ? html`<${Empty} title=${`No lead is ${status}`}>
        <p><a href=${place(here)}>Show all leads</a></p><//>`
    : html`<${Empty} title="There are no leads in this campaign">
        <p>Import a file of them, or send them
          by <code>POST /v1/campaigns/:id/leads/bulk</code>.</p>
        <a class="button first" href=${place(['import'], { campaign: campaign.id })}>Import
          leads</a>
      <//>`;
  const find = async (event) => {
    event.preventDefault();
    const email = event.target.elements.email.value.trim();
    try {
      const { data: [lead] } = await api.findLead(email);
      if (lead) location.hash = place([...here, lead.id]);
      else announce(`No lead has the address ${email}.`, 'failed');
    } catch (error) {
      announce(error.message, 'failed');
    }
  };
  return html`<form class="filters" role="search" onSubmit=${find}>
      <${Select} label="State" value=${status} options=${states}
        set=${(value) => { location.hash = place(here, { status: value }); }} />
      <${Field} label="Address">${(id) => html`<input id=${id} name="email" type="search" size="30"
        required />`}<//>
      <button class="button">Find</button>
    </form>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Leads" quiet /></div>`;
}

// A website is a link where it is one: no other scheme than those of the web is.
function Website({ value }) {
  const url = URL.canParse(value) && new URL(value);
  return url && /^https?:$/.test(url.protocol)
    ? html`<a href=${url.href} target="_blank" rel="noopener noreferrer nofollow">${value}</a>`
    : value;
}

function Fields({ lead }) {
  const facts = [
    ['Name', nameOf(lead)], ['Company', lead.company], ['Job', lead.jobTitle],
    ['Phone', lead.phone], ['Website', lead.website && html`<${Website} value=${lead.website} />`],
    ['Personal text', lead.personalization], ['Value', lead.leadValue],
    ...Object.entries(lead.customFields ?? {}).map(([name, value]) =>
      [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  ].filter(([, value]) => (value ?? '') !== '');
  return html`<section class="panel"><h2>Fields</h2>${facts.length === 0
    ? html`<p class="muted">Only the address of this lead is known.</p>`
    : html`<dl class="facts">${facts.map(([name, value]) =>
        html`<dt><bdi>${name}</bdi></dt><dd class="long"><bdi>${value}</bdi></dd>`)}</dl>`}
  </section>`;
}

const stateOf = {
  queued: 'waits', retry: 'waits again', leased: 'is with a worker', sent: 'was sent',
  failed: 'failed', skipped: 'was skipped', enrolled: 'waits for the start', not_reached: 'later',
};

function One({ campaign, id }) {
  const loaded = useLoad(async (options) => {
    const [lead, enrolled] = await Promise.all([
      api.getLead(id, options), api.campaignLead(campaign.id, id, options),
    ]);
    return { lead, enrolled };
  }, [campaign.id, id]);
  const columns = (lead) => [
    {
      label: 'Step', kind: 'main',
      cell: (row) => html`<a href=${place(['campaigns', campaign.id, 'mails'],
        { step: row.step, lead: lead.email })}>Step ${row.step}</a>
        <span class="sub">${campaign.sequenceSteps[row.step - 1]?.subject}</span>`,
    },
    {
      label: 'State',
      cell: (row) => html`<${Badge} state=${row.state}>${stateOf[row.state]
        ?? format.words(row.state)}<//>
        ${row.reason && html`<span class="sub">${row.reason}</span>`}`,
    },
    { label: 'Due', cell: (row) => html`<${Time} value=${row.dueAt} />` },
    { label: 'Settled', cell: (row) => html`<${Time} value=${row.settledAt} />` },
    { label: 'Attempt', kind: 'number', cell: (row) => format.number(row.attempt) },
  ];
  return html`<p class="crumb"><a href=${place(['campaigns', campaign.id, 'leads'])}>All
    leads</a></p>
    <${Loaded} from=${loaded}>${({ lead, enrolled }) => html`<div class="stack">
      <h2><bdi>${lead.email}</bdi> <${Badge} state=${enrolled.status} /></h2>
      <div class="sheet"><${Table} caption="What it got, and what comes next"
        columns=${columns(lead)}
        rows=${enrolled.messages} id=${(row) => row.step} /></div>
      <${Fields} lead=${lead} />
    </div>`}<//>`;
}

export default function Leads({ campaign, lead, parameters }) {
  return lead
    ? html`<${One} campaign=${campaign} id=${lead} />`
    : html`<${List} campaign=${campaign} status=${parameters.status ?? ''} />`;
}
