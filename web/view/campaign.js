// A campaign: its figures, its days in a chart, its steps, and what else is said in tabs.

import * as api from '../api.js';
import {
  Badge, Loaded, Table, Time, html, place, useLoad,
} from '../parts.js';
import * as format from '../format.js';
import { Bounces, Turn, planned, today } from './campaign_parts.js';
import { DayChart } from '../chart.js';
import Leads from './campaign_leads.js';
import Messages from './campaign_messages.js';
import Mails from './campaign_mails.js';
import Settings from './campaign_settings.js';

const tabs = [
  ['', 'Overview'], ['mails', 'Mails'], ['leads', 'Leads'], ['messages', 'Messages'],
  ['settings', 'Settings'],
];

function Figures({ campaign, ahead }) {
  const rate = (part) => html`<span class="sub">${format.share(part, campaign.sent)} of
    sent</span>`;
  return html`<dl class="figures">
    <div><dt>Leads</dt><dd>${format.number(campaign.leadsEnrolled)}</dd></div>
    <div><dt>Sent</dt><dd>${format.number(campaign.sent)}
      <span class="sub">of ${format.number(planned(campaign))}</span></dd></div>
    <div><dt>Waiting</dt><dd>${format.number(campaign.queuedMessages)}
      ${ahead && html`<span class="sub">${ahead}</span>`}</dd></div>
    <div><dt>Replied</dt><dd>${format.number(campaign.replied)} ${rate(campaign.replied)}</dd></div>
    <div><dt>Bounced</dt><dd><${Bounces} campaign=${campaign} /></dd></div>
    <div><dt>Unsubscribed</dt><dd>${format.number(campaign.unsubscribed)}
      ${rate(campaign.unsubscribed)}</dd></div>
    <div><dt>Failed</dt><dd>${format.number(campaign.failed)}</dd></div>
  </dl>`;
}

function Days({ campaign }) {
  const days = useLoad((options) => api.dayStats(campaign.id, options),
    [campaign.id, campaign.sent]);
  const plan = useLoad((options) => api.forecast(campaign.id, options),
    [campaign.id, campaign.status, campaign.sent, campaign.leadsEnrolled]);
  return html`<section class="panel"><h2>By day</h2>
    <${Loaded} from=${days}>${({ data }) =>
      html`<${DayChart} days=${data} plan=${plan.data?.data ?? []}
        today=${today(campaign)} />`}<//>
    ${plan.error && html`<p class="hint">There is no forecast: ${plan.error.message}.</p>`}
  </section>`;
}

function Steps({ campaign }) {
  const stats = useLoad((options) => api.stepStats(campaign.id, options),
    [campaign.id, campaign.sent]);
  const columns = [
    {
      label: 'Step', kind: 'main',
      cell: (row) => html`<a href=${place(['campaigns', campaign.id, 'mails'],
        { step: row.step })}>Step ${row.step}${
          row.variant && `, variant ${row.variant}`}</a>
        <span class="sub">${row.subject}</span>`,
    },
    ...['sent', 'opened', 'clicked', 'replied', 'bounced', 'unsubscribed'].map((name) => ({
      label: name[0].toUpperCase() + name.slice(1), kind: 'number',
      cell: (row) => html`${format.number(row[name])}${name !== 'sent' &&
        html`<span class="sub">${format.share(row[name], row.sent)}</span>`}`,
    })),
  ];
  return html`<section class="sheet"><${Loaded} from=${stats}>${({ data }) =>
    html`<${Table} caption="Steps and variants" columns=${columns}
      rows=${stepRows(campaign.sequenceSteps, data)} id=${(row) => `${row.step}/${row.variant}`}
        />`}
  <//></section>`;
}

// A row for each step and variant that there is, or of which something is counted, over all
// senders.
export function stepRows(steps, counts) {
  const rows = new Map();
  const add = (step, variant, subject) => {
    const key = `${step}/${variant ?? ''}`;
    if (!rows.has(key)) {
      rows.set(key, { step, variant, subject, sent: 0, opened: 0, clicked: 0, replied: 0,
        bounced: 0, unsubscribed: 0 });
    }
    return rows.get(key);
  };
  steps.forEach((step, index) => {
    const variants = step.variants ?? [];
    if (variants.length === 0) add(index + 1, null, step.subject);
    variants.forEach((variant, at) => add(index + 1, at + 1, variant.subject ?? step.subject));
  });
  for (const count of counts) {
    const row = add(count.step, count.variant ?? null, '');
    for (const name of ['sent', 'opened', 'clicked', 'replied', 'bounced', 'unsubscribed']) {
      row[name] += count[name] ?? 0;
    }
  }
  return [...rows.values()].sort((a, b) => a.step - b.step || a.variant - b.variant);
}

// The same is often found in several texts: it is said once, with all their places.
export function groupFindings(findings) {
  const groups = new Map();
  for (const finding of findings) {
    const key = JSON.stringify([finding.severity, finding.message, finding.token]);
    if (!groups.has(key)) groups.set(key, { ...finding, places: [] });
    groups.get(key).places.push(finding.step ? `step ${finding.step} ${finding.place}`
      : 'workspace');
  }
  return [...groups.values()];
}

const Findings = ({ rows }) => html`<ul class="findings">${rows.map((finding) => html`<li>
  <${Badge} state=${finding.severity}
    /><span>${finding.token && html`<code>${finding.token}</code>: `}
    ${finding.message}<span class="sub">${format.list(finding.places)}</span></span></li>`)}</ul>`;

function Preflight({ campaign }) {
  const found = useLoad((options) => api.preflight(campaign.id, options), [campaign.id]);
  return html`<section class="panel"><h2>Before it is sent</h2>
    <${Loaded} from=${found}>${({ data }) => {
      const groups = Object.groupBy(groupFindings(data), (finding) => finding.severity);
      const wrong = [...(groups.error ?? []), ...(groups.warning ?? [])];
      return html`${wrong.length === 0
          ? html`<p class="muted">Nothing is wrong with the texts.</p>`
          : html`<${Findings} rows=${wrong} />`}
        ${groups.info && html`<details><summary>${format.counted(groups.info.length,
          'more remark')}</summary>
          <${Findings} rows=${groups.info} /></details>`}`;
    }}<//>
  </section>`;
}

function Overview({ campaign }) {
  return html`<div class="stack">
    <${Figures} campaign=${campaign}
      ahead=${campaign.sending.nextDueAt
        && html`next <${Time} near value=${campaign.sending.nextDueAt} />`} />
    <${Days} campaign=${campaign} />
    <${Steps} campaign=${campaign} />
    <${Preflight} campaign=${campaign} />
  </div>`;
}

export default function Campaign({ path, parameters }) {
  const [, id, tab = '', lead] = path;
  const loaded = useLoad((options) => api.getCampaign(id, options), [id], 15);
  return html`<p class="crumb"><a href="#/campaigns">Campaigns</a></p>
    <${Loaded} from=${loaded}>${(campaign) => html`
      <div class="head">
        <div>
          <h1>${campaign.name} <${Badge} state=${campaign.status} /></h1>
          <p class="muted">${format.localized(campaign.sending.message)}</p>
        </div>
        <div class="acts">
          <a class="button" href=${place(['import'], { campaign: id })}>Import leads</a>
          <${Turn} campaign=${campaign} reload=${loaded.reload} small=${false} first />
        </div>
      </div>
      <nav class="tabs" aria-label="Of this campaign">${tabs.map(([name, title]) => html`<a
        href=${place(['campaigns', id, name].filter(Boolean))}
        aria-current=${tab === name ? 'page' : null}>${title}</a>`)}</nav>
      ${tab === '' && html`<${Overview} campaign=${campaign} />`}
      ${tab === 'mails' && html`<${Mails} campaign=${campaign} parameters=${parameters} />`}
      ${tab === 'leads' && html`<${Leads} campaign=${campaign} lead=${lead} parameters=${parameters}
        />`}
      ${tab === 'messages' && html`<${Messages} campaign=${campaign} parameters=${parameters} />`}
      ${tab === 'settings' && html`<${Settings} campaign=${campaign} reload=${loaded.reload} />`}
    `}<//>`;
}
