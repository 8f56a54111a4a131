// The mails of a campaign, each as one of its leads would get it.

import * as api from '../api.js';
import {
  Empty, Field, Loaded, Select, html, place, useLoad, useState,
} from '../parts.js';
import { Mail } from '../mail.js';

export default function Mails({ campaign, parameters }) {
  const steps = campaign.sequenceSteps;
  const step = Math.min(Math.max(Number(parameters.step) || 1, 1), steps.length);
  const email = parameters.lead ?? '';
  const [asText, setAsText] = useState(false);
  const loaded = useLoad(async (options) => {
    if (steps.length === 0) return {};
    const { data: [lead] } = await (email
      ? api.findLead(email, options)
      : api.campaignLeads(campaign.id, { limit: 1 }, options));
    if (!lead) return {};
    return { lead, mail: await api.preview(campaign.id, { step, leadId: lead.id }, options) };
  }, [campaign.id, step, email, steps.length]);
  const go = (change) => {
    location.hash = place(['campaigns', campaign.id, 'mails'], { step, lead: email, ...change });
  };
  if (steps.length === 0) {
    return html`<${Empty} title="This campaign has no steps">
      <p>Give it some by <code>PATCH /v1/campaigns/:id</code>.</p><//>`;
  }
  return html`
    <form class="filters" onSubmit=${(event) => {
      event.preventDefault();
      go({ lead: event.target.elements.lead.value.trim() });
    }}>
      <${Select} label="Step" value=${String(step)} set=${(value) => go({ step: value })}
        options=${steps.map((one, index) => [String(index + 1),
          `${index + 1}. ${one.subject || one.variants?.[0]?.subject || 'continues the thread'}`])}
            />
      <${Field} label="As this lead gets it">${(id) => html`<input id=${id} name="lead" key=${email}
        defaultValue=${email} placeholder="an address; empty: the first lead" size="34" />`}<//>
      <button class="button">Show</button>
    </form>
    <${Loaded} from=${loaded}>${({ lead, mail }) => !mail
      ? html`<${Empty} title="There is no lead to show a mail for">
          <p>${email ? `No lead has the address ${email}.`
            : 'Import leads into this campaign first.'}</p>
          <a class="button first" href=${place(['import'], { campaign: campaign.id })}>Import
            leads</a><//>`
      : html`<section class="panel stack">
          <dl class="facts">
            <dt>To</dt><dd><bdi>${lead.email}</bdi></dd>
            <dt>Subject</dt><dd><b><bdi>${mail.subject}</bdi></b></dd>
            ${mail.variant && html`<dt>Variant</dt><dd>${mail.variant}</dd>`}
            ${Object.entries(mail.headers ?? {}).map(([name, value]) =>
              html`<dt>${name}</dt><dd><bdi>${value}</bdi></dd>`)}
          </dl>
          ${mail.bodyText && html`<label class="check"><input type="checkbox" checked=${asText}
            onChange=${(event) => setAsText(event.target.checked)}
              />Its text in place of its HTML</label>`}
          ${asText && mail.bodyText
            ? html`<pre class="mail" tabindex="0">${mail.bodyText}</pre>`
            : html`<${Mail} body=${mail.bodyHtml} />`}
          <p class="hint">A link to unsubscribe is left out here.</p>
        </section>`}<//>`;
}
