// A person at the page, in Chromium: node page.mjs, with what to use as JSON in PAGE.
//
// Prints what it sees, as page_browser.mjs has it, and "done" at the end.  With
// LEADTERRA_PICTURES it leaves pictures in that folder.

import {
  check, close, expecting, given, go, heading, is, ok, open, said, settle, signIn, sql, troubles,
} from './page_browser.mjs';
import { hostile, testImport } from './page_import.mjs';

const { base, demo, empty, revoked } = given;
const pictures = process.env.LEADTERRA_PICTURES;
const shown = (count) => new Intl.NumberFormat('en-GB').format(count);

// --- signing in

async function testSignIn() {
  const page = await open();
  await page.goto(`${base}/app/`);
  await check(page, 'signing in');
  await expecting(/401 \(Unauthorized\)/, async () => {
    for (const [name, key] of [['a revoked', revoked], ['a malformed', 'sk_live_<script>'],
      ['an unknown', revoked.replace(/.{20}$/, 'A'.repeat(20))]]) {
      await page.reload();
      await signIn(page, key);
      await page.getByText('This key is not taken').waitFor();
      ok(await page.getByLabel('API key').isVisible(), `${name} key is not taken`);
    }
  });
  await check(page, 'a key that is not taken');
  await page.reload();
  await signIn(page, demo.key);
  await settle(page);
  await page.getByRole('link', { name: 'Spring launch' }).waitFor();
  is(await heading(page).textContent(), 'Campaigns', 'a good key shows the campaigns');
  const kept = await page.evaluate(() => [localStorage.length, document.cookie,
    Object.values(sessionStorage)]);
  is(JSON.stringify(kept), JSON.stringify([0, '', [demo.key]]), 'only the tab keeps the key');
  const other = await page.context().newPage();
  await other.goto(`${base}/app/`);
  ok(await other.getByLabel('API key').isVisible(), 'another tab does not have it');
  await other.close();

  // What a first look moves, with nothing in the cache.
  const fresh = await open();
  let moved = 0;
  const session = await fresh.context().newCDPSession(fresh);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', ({ encodedDataLength }) => { moved += encodedDataLength; });
  await fresh.goto(`${base}/app/`);
  await signIn(fresh, demo.key);
  await fresh.getByRole('link', { name: 'Spring launch' }).waitFor();
  await settle(fresh);
  ok(moved > 10000 && moved < 200000, 'the first view moves less than 200 kB', `${moved} bytes`);
  await fresh.context().close();

  // A key that is revoked while somebody is signed in.
  await page.getByRole('button', { name: 'Sign out' }).click();
  const short = sql(empty, `SELECT lt_create_api_key('short')`);
  await signIn(page, short);
  await settle(page);
  sql(empty, `SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'short'`);
  await expecting(/401 \(Unauthorized\)/, async () => {
    await page.getByRole('link', { name: 'Senders' }).click();
    await page.getByText('not taken any more').waitFor();
  });
  is(await page.evaluate(() => sessionStorage.length), 0, 'a key that is revoked is forgotten');
  await page.context().close();
}

// --- nothing is there yet

async function testEmpty(page) {
  for (const [hash, text] of [['campaigns', 'There is no campaign yet'],
    ['import', 'There is no campaign to import into'], ['replies', 'Nobody has replied yet'],
    ['suppression', 'Nobody is suppressed'], ['senders', 'There are no senders'],
    ['webhooks', 'No webhook is told of anything']]) {
    await go(page, hash);
    await page.getByRole('heading', { name: text }).waitFor();
    await check(page, `${hash}, empty`);
  }
  await go(page, 'nowhere');
  is(await heading(page).textContent(), 'There is nothing here', 'a place that there is not');
}

// --- sending

async function testSending(page, { campaign, place, count }) {
  await page.goto(place);
  await settle(page);
  await page.getByRole('button', { name: 'Start' }).click();
  await page.locator('h1 .badge', { hasText: 'running' }).waitFor();
  await said(page, 'runs');
  is(sql(empty, `SELECT status FROM lt_campaigns`), 'running', 'a campaign is started');
  // The worker: most are sent, one is answered, one comes back.
  const sent = sql(empty, `
    WITH claimed AS (SELECT * FROM lt_claim_messages(10000, worker => 'test'))
    SELECT lt_complete_messages(lease_id) FROM claimed LIMIT 1`);
  sql(empty, `SELECT lt_record_event(message_id, 'replied',
      '{"threadSnippet": "<script>window.pwned = 1</script>"}')
    FROM lt_messages WHERE state = 'sent' AND email = 'lead.7@example7.com'`);
  sql(empty, `SELECT lt_record_event(message_id, 'bounced', '{"bounceType": "hard"}')
    FROM lt_messages WHERE state = 'sent' AND email = 'lead.8@example8.com'`);
  await page.reload();
  await settle(page);
  const readout = page.locator('.readout');
  await readout.getByText(`Sent ${shown(Number(sent))}`).waitFor();
  const line = await readout.textContent();
  ok(/Replied 1Bounced 1$/.test(line.trim()), 'the chart counts what came back', line);
  const planned = Number(line.match(/Forecast ([\d,]+)/)[1].replaceAll(',', ''));
  is(planned, count.enrolled - Number(sent), '... and what is to come');
  const isDrawn = () => page.locator('.chart canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 0,
      canvas.width, canvas.height);
    let blue = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 2] > 180 && data[at] < 80) blue += 1;
    return blue;
  });
  ok(await isDrawn() > 1000, 'its bars are drawn');
  await page.locator('.chart').focus();
  await page.keyboard.press('ArrowRight');
  await readout.getByText(/20\d\d/).waitFor();
  ok(true, 'the arrow keys move through its days');
  await check(page, 'a campaign that runs');

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('h1 .badge', { hasText: 'paused' }).waitFor();
  is(sql(empty, `SELECT status FROM lt_campaigns`), 'paused', 'it is paused');
  return campaign;
}

// --- what others wrote is text

async function isHarmless(page, name) {
  const found = await page.evaluate(() => ({
    ran: window.pwned,
    scripts: [...document.scripts].filter((one) =>
      !one.src.startsWith(`${location.origin}/app/`)).length,
    links: [...document.links].filter((one) => !/^(https?|mailto|blob):/.test(one.protocol)).length,
    images: [...document.images].filter((one) => !one.src.endsWith('icon.svg')).length,
  }));
  is(JSON.stringify(found), JSON.stringify({ scripts: 0, links: 0, images: 0 }),
    `${name}: it is text`);
  await check(page, name);
}

async function testHostile(page, { place }) {
  const at = place.replace(`${base}/app/#/`, '');
  const id = sql(empty, `SELECT lt_typeid('lead', lead_id) FROM lt_leads
    WHERE email = 'lead.7@example7.com'`);
  await go(page, `${at}/leads`);
  await page.getByLabel('Address').fill('lead.7@example7.com');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('heading', { name: 'Fields' }).waitFor();
  ok(page.url().endsWith(id), 'a lead is found by its address');
  ok((await page.locator('.facts').textContent()).includes(hostile.first),
    'a lead with markup shows it');
  await isHarmless(page, 'a hostile lead');
  await page.getByRole('link', { name: 'Step 1' }).click();
  await page.locator('.mail').waitFor();
  ok((await page.locator('.panel .facts').textContent()).includes('<script>'),
    'so does the subject of its mail');
  ok((await page.locator('.mail').textContent()).includes('<script>no</script>'), 'and its body');
  await isHarmless(page, 'a hostile mail');
  const mail = sql(empty, `SELECT lt_typeid('camp', lt_create_campaign('Hostile',
    jsonb_build_array(jsonb_build_object('subject', 's', 'bodyHtml', $$${hostile.mail}$$))))`);
  sql(empty, `SELECT lt_bulk_upsert(lt_from_typeid('${mail}'), '[{"email": "x@example.com"}]')`);
  await go(page, `campaigns/${mail}/mails`);
  is((await page.locator('.mail').textContent()).replace(/\s+/g, ' '),
    'Bold, with style=1 image logo click (javascript:alert(1)) ok ', 'a mail is rebuilt');
  is(await page.locator('.mail p').getAttribute('style'), 'font-weight: bold;', 'with its letters');
  await isHarmless(page, 'a mail of hostile markup');
  sql(empty, `SELECT lt_delete_campaign(lt_from_typeid('${mail}'))`);
  await go(page, `${at}/leads?status=replied`);
  await page.getByRole('rowheader', { name: 'lead.7@example7.com' }).waitFor();
  await isHarmless(page, 'leads of which one is hostile');
  await go(page, 'replies');
  await page.getByText('<script>window.pwned').waitFor();
  await isHarmless(page, 'a hostile reply');
  await page.setViewportSize({ width: 390, height: 800 });
  await go(page, `${at}/leads/${id}`);
  await isHarmless(page, 'a hostile lead on a narrow screen');
  await page.setViewportSize({ width: 1280, height: 860 });
}

// --- the other views

async function testSuppression(page) {
  await go(page, 'suppression');
  await page.getByRole('button', { name: 'Add', exact: true }).first().click();
  const entries = page.getByLabel('Addresses, domains');
  await entries.fill('Uma@Example.com\n*.rival.com, not an address @');
  await expecting(/422 \(Unprocessable/, async () => {
    await page.getByRole('button', { name: 'Add', exact: true }).last().click();
    await page.getByRole('alert').waitFor();
  });
  await check(page, 'entries that are refused');
  await entries.fill('Uma@Example.com\n*.rival.com');
  await page.getByRole('button', { name: 'Add', exact: true }).last().click();
  await page.getByRole('rowheader', { name: 'uma@example.com' }).waitFor();
  is(sql(empty, `SELECT count(*) FROM lt_suppressions
    WHERE entry IN ('uma@example.com', '*.rival.com')`), '2', 'addresses are suppressed');
  await page.getByLabel('Address or domain').fill('jo@mail.rival.com');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText('is not mailed').waitFor();
  ok((await page.locator('.notice').textContent()).includes('*.rival.com'),
    'the page says why an address is suppressed');
  await check(page, 'why an address is suppressed');
  await go(page, 'suppression?search=uma');
  await page.getByRole('button', { name: 'Take off' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take off' }).click();
  await page.getByText('No entry begins with this').waitFor();
  is(sql(empty, `SELECT count(*) FROM lt_suppressions WHERE entry = 'uma@example.com'`), '0',
    'one is taken off');
}

async function testSettings(page, { place }) {
  await go(page, `${place.split('#/')[1]}/settings`);
  await page.getByLabel('Name', { exact: true }).fill('Summer sale');
  await page.getByLabel('Mails a day').fill('250');
  await page.getByLabel('Bounces at most').fill('2.5');
  await page.getByRole('button', { name: 'Add a window' }).click();
  await page.getByLabel('From').fill('08:30');
  await page.getByLabel('Time zone').fill('Europe/Berlin');
  await page.getByLabel('Sat').check();
  await check(page, 'settings');
  await page.getByRole('button', { name: 'Save' }).click();
  await said(page, 'The settings are saved.');
  is(sql(empty, `SELECT concat_ws(' ', c.name, c.daily_limit, c.bounce_limit,
      s #>> '{timing,from}', s #>> '{days,6}', s #>> '{timezone}')
    FROM lt_campaigns c CROSS JOIN jsonb_array_elements(c.schedule -> 'schedules') s`),
  'Summer sale 250 0.025 08:30 true Europe/Berlin', 'settings are changed');
  await page.getByLabel('Time zone').fill('Mars/Olympus');
  await expecting(/400 \(Bad Request\)/, async () => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').waitFor();
  });
  ok((await page.getByRole('alert').textContent()).length > 10,
    'a setting that is refused is told');
}

async function testReplies(page) {
  await go(page, 'replies');
  const first = page.locator('main tbody select').first();
  const name = await page.locator('main tbody th bdi').first().textContent();
  await first.selectOption('not_interested');
  await said(page, 'The reply is classified.');
  is(sql(demo, `SELECT classification FROM lt_replies
    WHERE email = '${name}' ORDER BY received_at DESC LIMIT 1`),
    'not_interested', 'a reply is classified');
}

async function testWebhooks(page) {
  await go(page, 'webhooks');
  await page.getByRole('link', { name: 'crm.example' }).click();
  await page.getByRole('heading', { name: 'Last deliveries' }).waitFor();
  await settle(page);
  // Delivers all that waits, and says how much that was.
  const waiting = () => {
    const some = Number(sql(demo, `SELECT count(lt_finish_delivery(lease_id, delivery_id, 204))
      FROM lt_claim_deliveries(1000)`));
    return some === 0 ? 0 : some + waiting();
  };
  waiting();
  await page.locator('tr', { hasText: '204' }).first().getByRole('button',
    { name: 'Send again' }).click();
  await said(page, 'It will be sent again.');
  is(waiting(), 1, 'a delivery is sent again');
  await check(page, 'deliveries');
  await go(page, 'webhooks');
  await page.getByRole('button', { name: 'New webhook' }).click();
  await page.getByLabel('Address').fill('https://example.com/hook');
  await page.getByLabel('message.clicked').uncheck();
  await check(page, 'a new webhook');
  await page.getByRole('button', { name: 'Create' }).click();
  ok(/^whsec_/.test(await page.locator('dialog .code').textContent()),
    'a new webhook shows its secret');
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('button', { name: 'Delete https://example.com/hook' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('link', { name: 'example.com/hook' }).waitFor({ state: 'detached' });
  is(sql(demo, `SELECT count(*) FROM lt_webhooks WHERE url = 'https://example.com/hook'`), '0',
    'a webhook is deleted');
}

// --- every view with the demo's data, on three screens

async function testViews() {
  const id = sql(demo, `SELECT lt_typeid('camp', campaign_id) FROM lt_campaigns
    WHERE name = 'Spring launch'`);
  const lead = sql(demo, `SELECT lt_typeid('lead', lead_id) FROM lt_messages
    WHERE state = 'sent' AND step = 2 ORDER BY message_id LIMIT 1`);
  const hook = sql(demo, `SELECT lt_typeid('wh', webhook_id) FROM lt_webhooks
    WHERE url LIKE '%crm%'`);
  const views = { campaigns: 'campaigns', campaign: `campaigns/${id}`,
    mails: `campaigns/${id}/mails`,
    leads: `campaigns/${id}/leads`, lead: `campaigns/${id}/leads/${lead}`,
    messages: `campaigns/${id}/messages?state=failed`, settings: `campaigns/${id}/settings`,
    import: `import?campaign=${id}`, replies: 'replies', suppression: 'suppression',
      senders: 'senders',
    webhooks: 'webhooks', deliveries: `webhooks/${hook}` };
  const screens = [
    ['light', { viewport: { width: 1280, height: 860 }, colorScheme: 'light' }],
    ['dark', { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 390, height: 844 }, colorScheme: 'light', locale: 'de-DE' }],
  ];
  for (const [screen, options] of screens) {
    const page = await open(options);
    await page.goto(`${base}/app/`);
    await signIn(page, demo.key);
    for (const [name, hash] of Object.entries(views)) {
      await go(page, hash);
      // In the dark only colors are others.
      await check(page, `${name}, ${screen}`, screen === 'dark' ? 'color-contrast' : null);
      if (pictures && ['campaigns', 'campaign'].includes(name)) {
        await page.screenshot({ path: `${pictures}/page-${name}-${screen}.png` });
      }
    }
    if (screen === 'narrow') {
      await go(page, 'campaigns');
      const text = await page.locator('main tbody tr').last().textContent();
      ok(/\d\.\d{3}/.test(text), 'numbers are as the browser\'s language has them', text);
    }
    await page.context().close();
  }
}

// Who has no mouse reaches all of it.
async function testKeyboard(page) {
  await go(page, 'campaigns');
  await page.reload();
  await settle(page);
  await page.keyboard.press('Tab');
  is(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content',
    'Tab begins with a way past the views');
  await page.keyboard.press('Enter');
  is(await page.evaluate(() => document.activeElement.id), 'main',
    '... which leads to the content');
  const reached = new Set();
  for (let press = 0; press < 60; press++) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement.textContent?.trim()));
  }
  ok(['New campaign', 'Spring launch', 'Pause Spring launch', 'Senders',
    'Sign out'].every((name) => reached.has(name)),
    'Tab reaches all of it', [...reached].join(', '));
  await page.getByRole('link', { name: 'Senders' }).focus();
  await page.keyboard.press('Enter');
  await settle(page);
  is(await page.evaluate(() => document.activeElement.id), 'main',
    'a new view is where one goes on');
}

try {
  await testSignIn();
  const page = await open();
  await page.goto(`${base}/app/`);
  await signIn(page, empty.key);
  await settle(page);
  await testEmpty(page);
  const made = await testImport(page);
  await testSending(page, made);
  await testHostile(page, made);
  await testSuppression(page);
  await testSettings(page, made);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, demo.key);
  await settle(page);
  await go(page, 'import');
  is(await page.getByText('Imports of this browser').count(), 0,
    'imports of another workspace are not shown');
  await testKeyboard(page);
  await testReplies(page);
  await testWebhooks(page);
  await testViews();
  ok(troubles.length === 0, 'no error on the console, no request to another host',
    troubles.join('\n'));
  console.log('done');
} finally {
  await close();
}
