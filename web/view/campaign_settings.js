// When, how much and by whom a campaign sends; its name; and its end.

import * as api from '../api.js';
import {
  Confirm, Field, Loaded, Notice, announce, html, useId, useLoad, useState,
} from '../parts.js';
import * as format from '../format.js';

const zones = () => Intl.supportedValuesOf?.('timeZone') ?? [];
const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const working = { 1: true, 2: true, 3: true, 4: true, 5: true };
const newWindow = () => ({ timing: { from: '09:00', to: '17:00' }, days: working,
  timezone: ownZone() });

function Window({ window, change, remove, number, zoneList }) {
  const title = `Window ${number}`;
  return html`<fieldset class="stack"><legend>${title}</legend>
    <div class="filters">
      ${['from', 'to'].map((end) => html`<${Field} label=${end === 'from' ? 'From' : 'To'}>${(id) =>
        html`<input id=${id} type="time" required value=${window.timing[end]}
          onChange=${(event) => change({ ...window,
            timing: { ...window.timing, [end]: event.target.value } })} />`}<//>`)}
      <${Field} label="Time zone">${(id) => html`<input id=${id} required list=${zoneList}
        value=${window.timezone} onChange=${(event) => change({ ...window,
          timezone: event.target.value })} />`}<//>
      <button type="button" class="button" onClick=${remove}>Remove<span
        class="unseen"> ${title}</span></button>
    </div>
    <div class="days">${[1, 2, 3, 4, 5, 6, 0].map((day) => html`<label class="check">
      <input type="checkbox" checked=${Boolean(window.days[day])}
        onChange=${(event) => change({ ...window,
          days: { ...window.days, [day]: event.target.checked } })} />
      ${format.weekday(day)}</label>`)}</div>
  </fieldset>`;
}

function Form({ campaign, pools, reload }) {
  const { settings } = campaign;
  const [windows, setWindows] = useState(settings.schedule?.schedules ?? []);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const zoneList = useId();
  const save = async (event) => {
    event.preventDefault();
    const { name, start, end, dailyLimit, dailyNewLeads, bounceLimit, pool, newLeadsFirst,
      stopOnAutoReply } = event.target.elements;
    const count = (field) => (field.value === '' ? null : Number(field.value));
    const schedule = {
      ...settings.schedule, startDate: start.value || null, endDate: end.value || null,
      schedules: windows,
    };
    setBusy(true);
    try {
      await api.changeCampaign(campaign.id, {
        name: name.value,
        settings: {
          poolId: pool.value || null,
          schedule: windows.length > 0 ? schedule : null,
          dailyLimit: count(dailyLimit),
          dailyNewLeads: count(dailyNewLeads),
          newLeadsFirst: newLeadsFirst.checked,
          bounceLimit: bounceLimit.value === '' ? null : Number(bounceLimit.value) / 100,
          stopOnAutoReply: stopOnAutoReply.checked,
        },
      });
      setProblem('');
      announce('The settings are saved.');
      reload();
    } catch (error) {
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  const numberField = (label, name, value, hint,
    more) => html`<${Field} label=${label} hint=${hint}>${
    (id, described) => html`<input id=${id} name=${name} type="number" min="1"
      defaultValue=${value ?? ''}
      aria-describedby=${described} ...${more} />`}<//>`;
  return html`<form class="stack" onSubmit=${save}>
    ${problem && html`<${Notice} kind="bad"><p>${problem}</p><//>`}
    <section class="panel stack"><h2>Name and senders</h2>
      <div class="pair">
        <${Field} label="Name">${(id) => html`<input id=${id} name="name" required
          defaultValue=${campaign.name} />`}<//>
        <${Field} label="Pool of senders"
          hint="Without one, whoever sends chooses.">${(id, hint) => html`
          <select id=${id} name="pool" aria-describedby=${hint}>
            <option value="" selected=${!settings.poolId}>None</option>
            ${pools.map((pool) => html`<option value=${pool.id}
              selected=${pool.id === settings.poolId}>
              ${pool.name}</option>`)}
          </select>`}<//>
      </div>
    </section>
    <section class="panel stack"><h2>Windows</h2>
      ${windows.length === 0 && html`<p class="muted">Without a window it sends at any time.</p>`}
      ${windows.map((window, index) => html`<${Window} key=${index} window=${window}
        number=${index + 1}
        zoneList=${zoneList}
        change=${(changed) => setWindows(windows.with(index, changed))}
        remove=${() => setWindows(windows.toSpliced(index, 1))} />`)}
      <datalist id=${zoneList}>${zones().map((zone) => html`<option
        value=${zone}></option>`)}</datalist>
      <p><button type="button" class="button"
        onClick=${() => setWindows([...windows, newWindow()])}>
        Add a window</button></p>
      <div class="pair" hidden=${windows.length === 0}>
        <${Field} label="First day">${(id) => html`<input id=${id} name="start" type="date"
          defaultValue=${settings.schedule?.startDate ?? ''} />`}<//>
        <${Field} label="Last day">${(id) => html`<input id=${id} name="end" type="date"
          defaultValue=${settings.schedule?.endDate ?? ''} />`}<//>
      </div>
    </section>
    <section class="panel stack"><h2>Limits</h2>
      <div class="pair">
        ${numberField('Mails a day', 'dailyLimit', settings.dailyLimit, 'Empty: no limit.')}
        ${numberField('New leads a day', 'dailyNewLeads', settings.dailyNewLeads,
          'Leads that get their first mail. Empty: no limit.')}
        ${numberField('Bounces at most, in percent', 'bounceLimit',
          settings.bounceLimit && Number((settings.bounceLimit * 100).toPrecision(6)),
          'Past this share it pauses by itself. Empty: never.',
            { min: 0.01, max: 100, step: 'any' })}
      </div>
      <label class="check"><input type="checkbox" name="newLeadsFirst"
        defaultChecked=${settings.newLeadsFirst} />
        First mails go before those of later steps</label>
      <label class="check"><input type="checkbox" name="stopOnAutoReply"
        defaultChecked=${settings.stopOnAutoReply} />
        An automatic reply ends the sequence of a lead</label>
    </section>
    <p><button class="button first" disabled=${busy} aria-busy=${busy}>Save</button></p>
  </form>`;
}

export default function Settings({ campaign, reload }) {
  const pools = useLoad((options) => api.listPools(options), []);
  const [ending, setEnding] = useState(false);
  return html`<${Loaded} from=${pools}>${({ data }) => html`<div class="stack">
    <${Form} campaign=${campaign} pools=${data} reload=${reload} />
    <section class="panel stack"><h2>Delete</h2>
      <p class="muted">The leads stay in the workspace. ${campaign.status === 'running' &&
        'A campaign that runs has to be paused first.'}</p>
      <p><button type="button" class="button danger" disabled=${campaign.status === 'running'}
        onClick=${() => setEnding(true)}>Delete this campaign</button></p>
    </section>
    ${ending && html`<${Confirm} title="Delete this campaign?" verb="Delete"
      text=${`${campaign.name} goes with its enrollments and the messages that wait.
        This cannot be undone.`}
      act=${async () => {
        await api.deleteCampaign(campaign.id);
        location.hash = '#/campaigns';
      }} close=${() => setEnding(false)} />`}
  </div>`}<//>`;
}
