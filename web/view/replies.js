// Replies, the newest first, and what each of them is.

import * as api from '../api.js';
import {
  Empty, Long, Pages, Select, Time, announce, html, place, usePages, useState,
} from '../parts.js';
import * as format from '../format.js';

const kinds = [['interested', 'Interested'], ['not_interested', 'Not interested'],
  ['out_of_office', 'Out of office'], ['bounce', 'Bounce'], ['unsubscribe', 'Unsubscribe']];

function Kind({ reply }) {
  const [kind, setKind] = useState(reply.classification ?? '');
  const set = async (event) => {
    const next = event.target.value;
    setKind(next);
    try {
      await api.classifyReply(reply.id, next || null);
      announce('The reply is classified.');
    } catch (error) {
      setKind(kind);
      announce(error.message, 'failed');
    }
  };
  return html`<select aria-label=${`What the reply of ${reply.email ?? 'a deleted lead'} is`}
    value=${kind}
    onChange=${set}>${[['', 'Not told'], ...kinds].map(([key, title]) =>
      html`<option value=${key} selected=${key === kind}>${title}</option>`)}</select>`;
}

export default function Replies({ parameters }) {
  const { classification = '' } = parameters;
  const pages = usePages(
    (more, options) => api.listReplies({ classification, ...more }, options), [classification], 30,
  );
  const columns = [
    {
      label: 'From', kind: 'main',
      cell: (reply) => html`<bdi>${reply.email ?? 'a lead that was deleted'}</bdi>
        <span class="sub"><a href=${place(['campaigns', reply.campaignId])}>${
          reply.campaignName ?? 'its campaign'}</a></span>`,
    },
    { label: 'Text', cell: (reply) => html`<${Long} text=${reply.threadSnippet || format.none} />`
      },
    { label: 'Received', cell: (reply) => html`<${Time} value=${reply.receivedAt} />` },
    { label: 'It is', cell: (reply) => html`<${Kind} key=${reply.id} reply=${reply} />` },
  ];
  const empty = classification
    ? html`<${Empty} title="No reply is of this kind"><p><a
      href="#/replies">Show all replies</a></p><//>`
    : html`<${Empty} title="Nobody has replied yet">
        <p>Replies come here as soon as the worker reads the mailbox, or as they are
          reported.</p><//>`;
  return html`<div class="head"><div><h1>Replies</h1></div></div>
    <div class="filters"><${Select} label="Kind" value=${classification}
      options=${[['', 'All'], ...kinds]}
      set=${(value) => { location.hash = place(['replies'], { classification: value }); }} /></div>
    <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
      caption="Replies" quiet /></div>`;
}
