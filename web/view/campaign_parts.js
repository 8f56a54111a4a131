// What the list of campaigns and a campaign share.

import * as api from '../api.js';
import { Button, html } from '../parts.js';
import * as format from '../format.js';

// How far a campaign is: mails sent, of all there would be if nobody's sequence ended before.
export const planned = (campaign) => campaign.leadsEnrolled * campaign.steps;

// The day that it is where the campaign counts days.
export const today = ({ settings }) => format.dayIn(settings.schedule?.schedules?.[0]?.timezone);

export function Bounces({ campaign }) {
  const { bounced, sent, settings } = campaign;
  return html`${format.number(bounced)}
    <span class="sub">${format.share(bounced, sent + bounced)}${
      settings.bounceLimit !== null && html`, at most ${format.share(settings.bounceLimit, 1)}`
    }</span>`;
}

export function Turn({ campaign, reload, small = true, first }) {
  const runs = campaign.status === 'running';
  const act = async () => {
    await (runs ? api.pauseCampaign : api.startCampaign)(campaign.id);
    reload();
  };
  return html`<${Button} act=${act}
    kind=${`${small ? 'small' : ''} ${first && !runs ? 'first' : ''}`}
    done=${runs ? `${campaign.name} is paused.` : `${campaign.name} runs.`}>${
      runs ? 'Pause' : campaign.startedAt ? 'Resume' : 'Start'
    }<span class="unseen"> ${campaign.name}</span><//>`;
}

// All campaigns, for where one is chosen by name.
export async function loadCampaigns(options) {
  const all = [];
  let after;
  do {
    const page = await api.listCampaigns({ limit: 100, after }, options);
    all.push(...page.data);
    after = page.next;
  } while (after && all.length < 2000);
  return all;
}
