// The accounts that mails leave from: used and left today, and when each is free.

import * as api from '../api.js';
import { Badge, Bar, Empty, Pages, Time, html, useLoad, usePages } from '../parts.js';
import * as format from '../format.js';

function Used({ row }) {
  const { dailyCapacity: capacity, remainingVolume: left, usedToday: used = capacity - left } = row;
  if (capacity === null) return html`${format.number(row.usedToday)} <span
    class="muted">· no limit</span>`;
  return html`<div class="meter"><span>${format.number(used)}
      <span class="muted"> · ${format.number(left)} left</span></span>
    <${Bar} part=${used} all=${capacity} label=${`Used today of ${row.email ?? row.name}`}
      /></div>`;
}

function Free({ row }) {
  if (row.status === 'paused') return 'not while it is paused';
  if (!row.freeAt) return format.none;
  return new Date(row.freeAt) <= Date.now() ? 'now' : html`<${Time} near value=${row.freeAt} />`;
}

export default function Senders() {
  const pools = useLoad((options) => api.listPools(options), [], 15);
  const pages = usePages((more, options) => api.listSenders(options), [], 15);
  const poolNames = new Map((pools.data?.data ?? []).map((pool) => [pool.id, pool.name]));
  const columns = [
    {
      label: 'Sender', kind: 'main',
      cell: (row) => html`<bdi>${row.email}</bdi> <${Badge} state=${row.status} />
        ${row.name && html`<span class="sub"><bdi>${row.name}</bdi></span>`}`,
    },
    { label: 'Today', cell: (row) => html`<${Used} row=${row} />` },
    { label: 'Free', cell: (row) => html`<${Free} row=${row} />` },
    { label: 'A day', kind: 'number', cell: (row) => format.number(row.dailyCapacity) },
    { label: 'Pools', cell: (row) => format.list(row.poolIds.map((id) => poolNames.get(id) ?? '?'))
      || format.none },
    { label: 'Zone', cell: (row) => row.timeZone },
  ];
  const poolColumns = [
    { label: 'Pool', kind: 'main', cell: (row) => html`<bdi>${row.name}</bdi>` },
    { label: 'Senders', kind: 'number', cell: (row) => format.number(row.senderCount) },
    { label: 'Today', cell: (row) => html`<${Used} row=${row} />` },
  ];
  const empty = html`<${Empty} title="There are no senders">
    <p>A campaign without a pool is sent by whoever takes its messages. Create senders with
      <code>lt_create_sender</code> and put them into pools, and campaigns keep to their
        limits.</p><//>`;
  return html`<div class="head"><div><h1>Senders</h1>
      <p class="muted">Each counts the day of its own time zone.</p></div></div>
    <div class="stack">
      <div class="sheet"><${Pages} from=${pages} columns=${columns} empty=${empty}
        caption="Accounts" /></div>
      ${pools.data?.data.length > 0 && html`<div class="sheet"><${Pages} caption="Pools"
        from=${{ ...pools, isKnown: true, rows: pools.data.data }} columns=${poolColumns} /></div>`}
    </div>`;
}
