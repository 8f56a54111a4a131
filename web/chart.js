// What a campaign sent on each day, what came back, and what is to come, in one chart.

import uPlot from './vendor/uplot.mjs';
import { html, useEffect, useMemo, useRef, useState } from './parts.js';
import * as format from './format.js';

const series = [
  ['forecast', 'Forecast', 'bar'], ['sent', 'Sent', 'bar'], ['replied', 'Replied', 'line'],
  ['bounced', 'Bounced', 'line'],
];

// Columns of numbers for each day from the first to the last, also where nothing happened.
export function columnsOf(days, plan) {
  const rows = new Map();
  const row = (day) => {
    const at = format.dayNumber(day);
    if (!rows.has(at)) rows.set(at, { sent: 0, forecast: 0, replied: 0, bounced: 0 });
    return rows.get(at);
  };
  for (const { day, sent, replied, bounced } of days) {
    Object.assign(row(day), { sent, replied, bounced });
  }
  for (const { day, messages } of plan) row(day).forecast += messages;
  const known = [...rows.keys()].sort((a, b) => a - b);
  if (known.length === 0) return null;
  const at = [];
  for (let day = known[0]; day <= known.at(-1); day++) at.push(day);
  return [at, ...series.map(([name]) => at.map((day) => rows.get(day)?.[name] ?? 0))];
}

function options(width, height, point) {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { stroke: color('--muted'), font: '12px system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false } };
  const bars = uPlot.paths.bars({ size: [0.7, 40], radius: 0.15 });
  const whole = (u, splits) => splits.map((value) => (Number.isInteger(value) ? format.number(value)
    : ''));
  const points = { show: true, size: 6 };
  return {
    width, height, legend: { show: false }, padding: [10, 0, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: (u, low, high) => [low - 0.6, high + 0.6] },
      y: { range: (u, low, high) => [0, Math.max(high * 1.05, 4)] },
      back: { range: (u, low, high) => [0, Math.max(high * 1.05, 4)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 70, incrs: [1, 2, 7, 14, 28, 91, 182, 365],
        values: (u, splits) => splits.map((day) => (Number.isInteger(day) ? format.shortDay(day)
          : '')) },
      { ...axis, values: whole, size: 64 },
      { ...axis, scale: 'back', side: 1, grid: { show: false }, values: whole, size: 56 },
    ],
    series: [
      {},
      { scale: 'y', paths: bars, fill: `color-mix(in srgb, ${color('--accent')} 30%, transparent)`,
        stroke: color('--accent'), width: 1, dash: [3, 3], points: { show: false } },
      { scale: 'y', paths: bars, fill: color('--accent'), stroke: color('--accent'), width: 0,
        points: { show: false } },
      { scale: 'back', stroke: color('--good'), width: 2,
        points: { ...points, fill: color('--good') } },
      { scale: 'back', stroke: color('--bad'), width: 2, dash: [6, 3],
        points: { ...points, fill: color('--bad') } },
    ],
    hooks: { setCursor: [(u) => point(u.cursor.idx)] },
  };
}

// On a day of which some is sent and some to come, that stands on top.  What came back ends with
// the last day on which anything could.
function drawn([at, forecast, sent, ...back], lastDay) {
  const known = (column) => column.map((count, index) => (at[index] <= lastDay ? count : null));
  const ahead = forecast.map((count, index) => (count > 0 ? count + sent[index] : null));
  return [at, ahead, known(sent), ...back.map(known)];
}

// Today is the day on which it is today in the zone of the campaign.
export function DayChart({ days, plan, today }) {
  const columns = useMemo(() => columnsOf(days, plan), [days, plan]);
  const holder = useRef();
  const chart = useRef(null);
  const [index, setIndex] = useState(null);

  useEffect(() => {
    if (columns === null) return undefined;
    const draw = () => {
      chart.current?.destroy();
      chart.current = new uPlot(
        options(holder.current.clientWidth, holder.current.clientHeight,
          (at) => setIndex(at ?? null)),
        drawn(columns, format.dayNumber(today)), holder.current,
      );
    };
    draw();
    const sizes = new ResizeObserver(() => holder.current && chart.current?.setSize({
      width: holder.current.clientWidth, height: holder.current.clientHeight,
    }));
    sizes.observe(holder.current);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      sizes.disconnect();
      scheme.removeEventListener('change', draw);
      chart.current.destroy();
      chart.current = null;
    };
  }, [columns, today]);

  if (columns === null) {
    return html`<p class="muted">Nothing was sent so far, and nothing is to come.</p>`;
  }
  const [at, ...values] = columns;
  const shown = index !== null && index < at.length ? index : null;
  const sum = (column) => column.reduce((total, value) => total + value, 0);
  const move = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = Math.min(Math.max((shown ?? (step > 0 ? -1 : at.length)) + step, 0),
      at.length - 1);
    const u = chart.current;
    u.setCursor({ left: u.valToPos(at[next], 'x'), top: 0 });
  };
  return html`
    <p class="readout"><b>${shown === null ? 'In all' : format.day(at[shown])}</b>
      ${series.map(([name, title, kind], column) => html`<span class=${`key ${name} ${kind}`}>
        ${title} ${format.number(shown === null ? sum(values[column])
          : values[column][shown])}</span>`)}
    </p>
    <div class="chart" ref=${holder} tabindex="0" role="img" onKeyDown=${move}
      aria-label="Mails by day: sent, forecast, replied and bounced. The arrow keys move
        through the days; the table below has the same numbers."></div>
    <details><summary>As a table</summary>
      <div class="wide" tabindex="0" role="group" aria-label="Mails by day">
        <table><thead><tr><th scope="col">Day</th>${series.map(([, title]) =>
          html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
        <tbody>${at.map((day, row) => html`<tr><th scope="row">${format.day(day)}</th>
          ${values.map((column) => html`<td class="number">${format.number(column[row])}</td>`)}
        </tr>`)}</tbody></table>
      </div>
    </details>`;
}
