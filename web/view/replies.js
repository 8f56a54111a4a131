// Replies, the newest first, and what each of them is.

import * as api from '../api.js';
import {
  Empty, Long, Pages, Select, Time, announce, html, place, useLoad, usePages, useState,
} from '../parts.js';
import * as format from '../format.js';
import { loadCampaigns } from './campaign_parts.js';

const kinds = [['interested', 'Interested'], ['not_interested', 'Not interested'],
  ['out_of_office', 'Out of office'], ['bounce', 'Bounce'], ['unsubscribe', 'Unsubscribe']];

function Kind({ reply }) {
  const [kind, setKind] = useState(reply.classification ?? '');
  const set = async (event) => {
    const next = event.target.value;
    setKind(next);
    try {
      await api.classifyReply(reply.id, next);
      announce('The reply is classified.');
    } catch (error) {
      setKind(kind);
      announce(error.message, 'failed');
    }
  };
  return html`<select aria-label=${`What the reply of ${reply.email ?? 'a deleted lead'} is`}
    value=${kind}
    onChange=${set}>${(kind ? kinds : [['', 'Not told'], ...kinds]).map(([key, title]) =>
      html`<option value=${key} selected=${key === kind}>${title}</option>`)}</select>`;
}

export default function Replies({ parameters }) {
  const { classification = '', campaignId = '' } = parameters;
  const campaigns = useLoad(loadCampaigns, []).data ?? [];
  const names = new Map(campaigns.map((campaign) => [campaign.id, campaign.name]));
  const narrow = (change) => {
    location.hash = place(['replies'], { classification, campaignId, ...change });
  };
  const pages = usePages(
    (more, options) => api.listReplies({ classification, campaignId, ...more }, options),
    [classification, campaignId], 30,
  );
  const columns = [
    {
      label: 'From', kind: 'main',
      cell: (reply) => html`<bdi>${reply.email ?? 'a lead that was deleted'}</bdi>
        <span class="sub"><a href=${place(['campaigns', reply.campaignId])}>${
          names.get(reply.campaignId) ?? 'its campaign'}</a></span>`,
    },
    { label: 'Text', cell: (reply) => html`<${Long} text=${reply.threadSnippet || format.none} />`
      },
    { label: 'Received', cell: (reply) => html`<${Time} value=${reply.receivedAt} />` },
    { label: 'It is', cell: (reply) => html`<${Kind} key=${reply.id} reply=${reply} />` },
  ];
  const empty = classification || campaignId
    ? html`<${Empty} title="No reply is like this"><p><a
      href="#/replies">Show all replies</a></p><//>`
    : html`<${Empty} title="Nobody has replied yet">
        <p>Replies come here as soon as the worker reads the mailbox, or as they are
          reported.</p><//>`;
  return html`<div class="head"><div><h1>Replies</h1></div></div>
    <div class="filters">
      <${Select} label="Kind" value=${classification} options=${[['', 'All'], ...kinds]}
        set=${(value) => narrow({ classification: value })} />
      <${Select} label="Campaign" value=${campaignId} options=${[['', 'All'], ...names]}
        set=${(value) => narrow({ campaignId: value })} /></div>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Replies" quiet /></div>`;
}
