// The messages of a campaign by state.

import * as api from '../api.js';
import { Badge, Empty, Pages, Select, Time, html, place, usePages } from '../parts.js';

const states = [['', 'All'], ['queued', 'Waiting'], ['retry', 'Waiting again'],
  ['leased', 'With a worker'], ['sent', 'Sent'], ['failed', 'Failed'], ['skipped', 'Skipped']];
const titles = Object.fromEntries(states);

export default function Messages({ campaign, parameters }) {
  const here = ['campaigns', campaign.id, 'messages'];
  const { state = '' } = parameters;
  const pages = usePages(
    (more, options) => api.campaignMessages(campaign.id, { state, ...more }, options),
    [campaign.id, state],
  );
  const columns = [
    {
      label: 'Address', kind: 'main',
      cell: (message) => message.email
        ? html`<a href=${place(['campaigns', campaign.id, 'leads', message.leadId])}>
            <bdi>${message.email}</bdi></a>`
        : html`<span class="muted">a lead that was deleted</span>`,
    },
    { label: 'Step', kind: 'number', cell: (message) => message.step },
    {
      label: 'State',
      cell: (message) => html`<${Badge} state=${message.state}>${titles[message.state]}<//>
        ${message.reason && html`<span class="sub">${message.reason}</span>`}`,
    },
    { label: 'Due', cell: (message) => html`<${Time} value=${message.dueAt} />` },
    { label: 'Settled', cell: (message) => html`<${Time} value=${message.settledAt} />` },
  ];
  const empty = html`<${Empty} title=${state ? 'No message is in this state'
    : 'There are no messages yet'}>
    <p>${state
      ? html`<a href=${place(here)}>Show all messages</a>`
      : campaign.status === 'draft'
        ? 'A campaign has messages once it is started.'
        : 'Messages are made for leads that are enrolled.'}</p><//>`;
  return html`<div class="filters"><${Select} label="State" value=${state} options=${states}
      set=${(value) => { location.hash = place(here, { state: value }); }} /></div>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Messages" quiet /></div>`;
}
