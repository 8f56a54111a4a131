// Leads from a file of comma-separated values into a campaign.

import * as api from '../api.js';
import {
  Bar, Button, Confirm, Empty, Loaded, Long, Notice, Select, Table, Time, announce, html, place,
  useEffect, useLoad, useState,
} from '../parts.js';
import * as format from '../format.js';
import { loadCampaigns } from './campaign_parts.js';
import { digest, download, look, write } from '../csv.js';
import {
  clearWork, currentWork, customName, fields, forgetImport, guessMapping, listImports, listLeftOut,
  onWork, start,
} from '../import.js';

const largest = 200e6;

function useWork() {
  const [work, setWork] = useState(currentWork());
  useEffect(() => onWork(setWork), []);
  return work;
}

function Drop({ take }) {
  const [isOver, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  };
  return html`<div class=${`drop ${isOver ? 'over' : ''}`} onDrop=${drop}
    onDragOver=${(event) => { event.preventDefault(); setOver(true); }}
    onDragLeave=${() => setOver(false)}>
    <h2>Drop a CSV file here</h2>
    <p class="muted">Up to ${format.bytes(largest)}. It is read here, and sent in parts of
      ${' '}${format.number(1000)} rows.</p>
    <input id="file" class="unseen" type="file" accept=".csv,.tsv,.txt,text/csv"
      onChange=${(event) => event.target.files[0] && take(event.target.files[0])} />
    <label class="button first" for="file">Choose a file</label>
  </div>`;
}

// One column: what its cells are, and under which name if they are a field of one's own.
function Column({ title, number, value, set }) {
  const isCustom = value !== '' && !fields.some(([name]) => name === value);
  const choose = (next) => set(next === 'custom' ? customName(title || `column ${number}`) : next);
  return html`<select aria-label=${`What column ${number}, ${title}, is`}
    value=${isCustom ? 'custom' : value}
      onChange=${(event) => choose(event.target.value)}>
      <option value="" selected=${value === ''}>Leave out</option>
      ${fields.map(([name, text]) => html`<option value=${name}
        selected=${name === value}>${text}</option>`)}
      <option value="custom" selected=${isCustom}>A field of your own</option>
    </select>
    ${isCustom && html`<input aria-label=${`Name of the field of column ${number}`} value=${value}
      required
      onChange=${(event) => set(event.target.value.trim())} />`}`;
}

function Mapping({ file, found, campaign, drop }) {
  const [hasHeader, setHeader] = useState(true);
  const width = Math.max(...found.rows.map((row) => row.length));
  const titles = Array.from({ length: width }, (_, column) =>
    (hasHeader ? found.rows[0][column] : '')?.trim() ?? '');
  const sample = (hasHeader ? found.rows.slice(1) : found.rows).slice(0, 10);
  const [mapping, setMapping] = useState(() => guessMapping(titles, found.rows.slice(1)));
  const set = (column, name) => setMapping(mapping.with(column, name));
  const named = mapping.filter(Boolean);
  const twice = named.find((name, index) => named.indexOf(name) !== index);
  const problem = !mapping.includes('email')
    ? 'Say which column has the addresses.'
    : twice ? `Two columns are the field ${twice}.` : !campaign ? 'Choose a campaign.' : '';
  const begin = (dryRun) => start(file, {
    id: crypto.randomUUID(), campaignId: campaign.id, campaignName: campaign.name, name: file.name,
    size: file.size, format: found.format, hasHeader, mapping,
    header: titles.map((title, column) => title || `Column ${column + 1}`),
    parts: 0, rows: 0, read: 0, enrolled: 0, updated: 0, invalid: 0, suppressed: 0,
  }, dryRun);
  return html`<section class="panel stack">
    <h2>${file.name} <span class="muted">${format.bytes(file.size)}</span></h2>
    <label class="check"><input type="checkbox" checked=${hasHeader}
      onChange=${(event) => setHeader(event.target.checked)}
        />The first row has the names of the columns</label>
    <div class="wide sheet" tabindex="0" role="group" aria-label="Columns and the first ten rows">
      <table class="mapping"><thead>
        <tr>${titles.map((title, column) => html`<th
          scope="col">${title || `Column ${column + 1}`}</th>`)}</tr>
        <tr>${titles.map((title, column) => html`<td><${Column} title=${title} number=${column + 1}
          value=${mapping[column] ?? ''} set=${(name) => set(column, name)} /></td>`)}</tr>
      </thead><tbody>${sample.map((row) => html`<tr>${titles.map((_, column) =>
        html`<td><bdi>${row[column] ?? ''}</bdi></td>`)}</tr>`)}</tbody></table>
    </div>
    ${problem && html`<p class="hint" id="missing">${problem}</p>`}
    <div class="acts">
      <button type="button" class="button first" disabled=${problem !== ''}
        onClick=${() => begin(false)}>Import</button>
      <button type="button" class="button" disabled=${problem !== ''}
        onClick=${() => begin(true)}>Try without writing</button>
      <button type="button" class="button plain" onClick=${drop}>Another file</button>
    </div>
  </section>`;
}

function Counts({ one }) {
  const counts = [['Rows', one.rows], ['Enrolled', one.enrolled], ['Updated', one.updated],
    ['Suppressed', one.suppressed], ['Left out', one.invalid]];
  return html`<dl class="figures">${counts.map(([title, count]) =>
    html`<div><dt>${title}</dt><dd>${format.number(count)}</dd></div>`)}</dl>`;
}

const safe = (one) => one.name.replace(/\.[a-z]+$/i, '').replace(/[^\w-]+/g, '-');

async function downloadLeftOut(one) {
  const rows = await listLeftOut(one.id);
  download(
    write([['Row', 'Why', ...one.header],
      ...rows.map((row) => [row.row, row.reasons, ...row.cells])]),
    `${safe(one)}-left-out.csv`,
  );
}

function LeftOut({ rows, one, dryRun }) {
  const columns = [
    { label: 'Row', kind: 'main', cell: (row) => format.number(row.row) },
    { label: 'Why', cell: (row) => row.reasons },
    { label: 'It has', cell: (row) => html`<${Long} text=${row.cells.join(' · ')} />` },
  ];
  return html`<div class="sheet"><${Table} caption="Left out" columns=${columns}
    rows=${rows.slice(0, 20)}
      id=${(row) => row.row} />
    ${!dryRun && html`<p class="more"><${Button} act=${() => downloadLeftOut(one)}>Download all
      ${' '}${format.number(one.invalid)} with their reasons<//></p>`}</div>`;
}

function Work({ work, again }) {
  const one = work.import;
  const seconds = (Date.now() - (one.startedAt ?? Date.now())) / 1000;
  const read = one.read - (one.startedFrom ?? 0);
  const rate = seconds > 1 ? (one.rows - (one.startedRows ?? 0)) / seconds : null;
  const left = read > 0 ? ((one.size - one.read) * seconds) / read : NaN;
  const isDone = one.finishedAt !== undefined;
  const title = isDone
    ? work.dryRun ? 'This is what would happen' : 'The file is imported'
    : work.isRunning ? work.dryRun ? 'Counting' : 'Importing' : 'Stopped';
  return html`<div class="stack">
    <section class="panel stack" aria-busy=${work.isRunning}>
      <h2>${title} <span class="muted">${one.name} · ${one.campaignName}</span></h2>
      <${Bar} part=${one.read} all=${one.size} label="How much of the file is done" />
      <p class="muted">${format.share(one.read, one.size)}${work.isRunning && rate &&
        html` · ${format.number(Math.round(rate))} rows a
          second · ${format.duration(left)} left`}</p>
      ${work.note && html`<p role="status">${work.note}</p>`}
      ${work.problem && html`<${Notice} kind="bad"><p>It stopped: ${work.problem}.</p><//>`}
      ${work.dryRun && isDone && html`<p class="hint">Nothing was written. An address that the file
        has in two parts of ${format.number(1000)} rows is counted in each.</p>`}
      <div class="acts">
        ${work.isRunning && html`<button type="button" class="button"
          onClick=${work.stop}>Stop</button>`}
        ${!work.isRunning && !isDone && html`<button type="button" class="button first"
          onClick=${() => start(work.file, one, work.dryRun)}>Go on</button>`}
        ${isDone && !work.dryRun && html`<a class="button first"
          href=${place(['campaigns', one.campaignId])}>To the campaign</a>`}
        ${!work.isRunning && html`<button type="button" class="button" onClick=${again}>${
          work.dryRun ? 'Back' : 'Another import'}</button>`}
      </div>
    </section>
    <${Counts} one=${one} />
    ${work.leftOut.length > 0 && html`<${LeftOut} rows=${work.leftOut} one=${one}
      dryRun=${work.dryRun} />`}
  </div>`;
}

// An import that did not come to its end goes on with the same file.
function GoOn({ one }) {
  const [problem, setProblem] = useState('');
  const choose = async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    setProblem('');
    if (file.size !== one.size || (await digest(file)) !== one.digest) {
      setProblem(`This is not the file ${one.name} as it was.`);
      return;
    }
    start(file, one, false);
  };
  const id = `file-${one.id}`;
  return html`<input id=${id} class="unseen" type="file" accept=".csv,.tsv,.txt,text/csv"
    onChange=${choose} />
    <label class="button small" for=${id}>Go on<span class="unseen"> with ${one.name}</span></label>
    ${problem && html`<span class="sub" role="alert">${problem}</span>`}`;
}

function Earlier() {
  const loaded = useLoad(listImports, []);
  const [leaving, setLeaving] = useState(null);
  const columns = [
    {
      label: 'File', kind: 'main',
      cell: (one) => html`<bdi>${one.name}</bdi><span class="sub"><a
        href=${place(['campaigns', one.campaignId])}>${one.campaignName}</a></span>`,
    },
    {
      label: 'Done',
      cell: (one) => html`<div class="meter"><span>${one.finishedAt
        ? html`<${Time} value=${new Date(one.finishedAt).toISOString()} />`
        : `${format.share(one.read, one.size)}, stopped`}</span>
        <${Bar} part=${one.read} all=${one.size} label=${`Done of ${one.name}`} /></div>`,
    },
    { label: 'Enrolled', kind: 'number', cell: (one) => format.number(one.enrolled) },
    { label: 'Updated', kind: 'number', cell: (one) => format.number(one.updated) },
    { label: 'Left out', kind: 'number', cell: (one) => format.number(one.invalid) },
    {
      label: 'Go on, download or forget', kind: 'act',
      cell: (one) => html`${!one.finishedAt && html`<${GoOn} one=${one} />`}
        ${' '}${one.invalid > 0 && html`<${Button} kind="small"
          act=${() => downloadLeftOut(one)}>Left out<span
          class="unseen"> of ${one.name}</span><//>`}
        ${' '}<button type="button" class="button small"
          onClick=${() => setLeaving(one)}>Forget<span
          class="unseen"> ${one.name}</span></button>`,
    },
  ];
  if (!loaded.data?.length) return null;
  return html`<div class="sheet"><${Table} caption="Imports of this browser" columns=${columns}
      rows=${loaded.data.toSorted((a, b) => b.startedAt - a.startedAt)} /></div>
    ${leaving && html`<${Confirm} title="Forget this import?" verb="Forget"
      text="Leads that are enrolled stay. The rows that were left out can no longer be
        downloaded, and it cannot go on."
      act=${async () => {
        await forgetImport(leaving.id);
        loaded.reload();
      }} close=${() => setLeaving(null)} />`}`;
}

export default function Import({ parameters }) {
  const work = useWork();
  const campaigns = useLoad(loadCampaigns, []);
  const [chosen, setChosen] = useState(null);
  const id = parameters.campaign ?? '';
  const take = async (file) => {
    if (file.size > largest) {
      announce(`The file is larger than ${format.bytes(largest)}.`, 'failed');
      return;
    }
    try {
      const found = await look(file);
      if (found.rows.length === 0) throw new Error('the file is empty');
      setChosen({ file, found });
    } catch (error) {
      announce(`The file cannot be read: ${error.message}.`, 'failed');
    }
  };
  const again = () => {
    // Who has only tried goes on with the file.
    if (!work.dryRun) setChosen(null);
    clearWork();
  };
  const choices = (all) => [['', 'Choose one'], ...all.map((one) => [one.id, one.name])];
  return html`<div class="head"><div><h1>Import</h1>
      <p class="muted">Leads of a file come into a campaign, and those that are known are
        updated.</p></div></div>
    ${work
      ? html`<${Work} work=${work} again=${again} />`
      : html`<div class="stack"><${Loaded} from=${campaigns}>${(all) => all.length === 0
          ? html`<${Empty} title="There is no campaign to import into">
              <p>Create one first.</p><a class="button first"
                href="#/campaigns">To the campaigns</a><//>`
          : html`<div class="filters"><${Select} label="Into the campaign" value=${id}
            options=${choices(all)}
              set=${(value) => { location.hash = place(['import'], { campaign: value }); }} /></div>
            ${chosen
              ? html`<${Mapping} key=${chosen.file.name} file=${chosen.file} found=${chosen.found}
                  campaign=${all.find((one) => one.id === id)} drop=${() => setChosen(null)} />`
              : html`<${Drop} take=${take} />`}`}<//>
          <${Earlier} /></div>`}`;
}
