// A file of 20,000 rows as people have them comes into a campaign, with a reload in the middle.

import { readFileSync } from 'node:fs';
import { check, expecting, given, go, is, ok, settle, sql } from './page_browser.mjs';

const { empty } = given;

export const hostile = {
  first: '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">',
  last: '\u202Egnp.exe\u202C \u200Fאב',
  company: 'W'.repeat(5000),
  website: 'javascript:window.pwned=1//',
  mail: `<style>p { color: red }</style><p style="position: fixed; font-weight: bold;
    background: url(https://elsewhere.example/x)" onclick='alert(1)'>Bold, with style=1</p>
    <img src="https://elsewhere.example/p.png" alt="logo" onerror=alert(1)>
    <a href="javascript:alert(1)">click</a> <a href="https://example.com/">ok</a>
    <svg onload=alert(1)><script>window.pwned = 1</script></svg>
    <meta http-equiv="refresh" content="0"><base href="https://elsewhere.example">
    <iframe src="https://elsewhere.example"></iframe><form action="https://elsewhere.example">
    <input name="a" autofocus onfocus="alert(1)"></form>`,
};
const quote = (text) => `"${text.replaceAll('"', '""')}"`;

// A file as people have them, and what is to become of it.
function messyFile(rows) {
  const lines = ['E-Mail ;First Name;Last name;Firma;Web;"Seats\n(bought)"'];
  const seen = new Set();
  const count = { enrolled: 0, updated: 0, invalid: 0, suppressed: 0 };
  for (let row = 1; row <= rows; row++) {
    let email = `Lead.${row}@Example${row % 50}.com`;
    let first = `Lead ${row}`;
    if (row % 97 === 0) email = ['nobody', '=cmd|calc', 'a@b@c', '@x', 'x y@z.com', ''][row % 6];
    else if (row % 101 === 0) email = `lead.${row - 1}@example${(row - 1) % 50}.com`;
    else if (row % 103 === 0) email = `lead.${row}@blocked.com`;
    if (row % 11 === 0) first = `Line\none; ${quote('two')}`;
    if (row % 500 === 0) lines.push(';;;;;', '');
    const cells = row === 7
      ? [email, hostile.first, hostile.last, hostile.company, hostile.website, '=1+1']
      : [row % 13 === 0 ? `  ${email} ` : email, first, 'Müller', '-2+3', '',
        row % 3 ? String(row) : ''];
    lines.push(cells.map((cell) => (/[;"\n]/.test(cell) || row % 2 ? quote(cell)
      : cell)).join(';'));
    const known = email.trim().toLowerCase();
    if (row % 97 === 0) count.invalid += 1;
    else if (known.endsWith('@blocked.com')) count.suppressed += 1;
    else if (seen.has(known)) count.updated += 1;
    else { seen.add(known); count.enrolled += 1; }
  }
  return { buffer: Buffer.from(`\ufeff${lines.join('\r\n')}`, 'utf8'), count };
}

const figures = async (page) => Object.fromEntries(await page.locator('.figures > div')
  .evaluateAll((all) => all.map((one) => [one.querySelector('dt').textContent,
    one.querySelector('dd').childNodes[0].textContent.trim()])));
const shown = (count) => new Intl.NumberFormat('en-GB').format(count);

export async function testImport(page) {
  await go(page, 'campaigns');
  await page.getByRole('button', { name: 'New campaign' }).first().click();
  await check(page, 'a new campaign');
  await page.keyboard.press('Escape');
  ok(await page.getByRole('button', { name: 'New campaign' }).first().evaluate((one) =>
    one === document.activeElement), 'Escape closes a dialog, and one is where one was');
  await page.keyboard.press('Enter');
  await page.getByLabel('Name', { exact: true }).last().fill('Spring <b>sale</b>');
  await page.getByLabel('Subject').fill('{{firstName|Hello}}, a question');
  await page.getByLabel('Its text').fill(
    'Hello {{firstName|there}},\n\nwho buys at {{company}}?\n<script>no</script>');
  await page.getByRole('button', { name: 'Create a draft' }).click();
  await page.getByRole('heading', { name: 'Spring <b>sale</b>' }).waitFor();
  const campaign = sql(empty, `SELECT campaign_id FROM lt_campaigns`);
  is(sql(empty, `SELECT name || status FROM lt_campaigns`), 'Spring <b>sale</b>draft',
    'a campaign is created');
  sql(empty, `SELECT lt_suppress('{blocked.com}')`);

  const { buffer, count } = messyFile(20000);
  const file = { name: 'leads of "may".csv', mimeType: 'text/csv', buffer };
  const place = page.url();
  await page.getByRole('link', { name: 'Import leads' }).click();
  await page.getByText('Drop a CSV file here').waitFor();
  await page.locator('#file').setInputFiles(file);
  await page.getByRole('button', { name: 'Try without writing' }).waitFor();
  is((await page.locator('.mapping select').evaluateAll((all) =>
    all.map((one) => one.value))).join(' '), 'email firstName lastName company website custom',
  'columns are found');
  is(await page.locator('.mapping tbody tr').count(), 10, 'ten rows are shown');
  is(await page.locator('.mapping input').inputValue(), 'seatsBought',
    'a field of one\'s own has a name');
  await check(page, 'columns of an import');
  await page.locator('.mapping select').first().selectOption('');
  ok(await page.getByRole('button', { name: 'Import', exact: true }).isDisabled(),
    'without addresses nothing is imported');
  await page.locator('.mapping select').first().selectOption('email');

  await page.getByRole('button', { name: 'Try without writing' }).click();
  await page.getByRole('heading',
    { name: 'This is what would happen' }).waitFor({ timeout: 60000 });
  const tried = await figures(page);
  is(tried['Left out'], shown(count.invalid), 'a dry run counts what is left out');
  is(tried.Suppressed, shown(count.suppressed), '... and what is suppressed');
  is(sql(empty, `SELECT count(*) FROM lt_leads`), '0', '... and writes nothing');
  await page.getByRole('button', { name: 'Back' }).click();

  // The page goes away when a part is done, but has not been told.
  let parts = 0;
  let cut;
  const isCut = new Promise((resolve) => { cut = resolve; });
  await page.route(/\/leads\/bulk/, async (route) => {
    parts += 1;
    // Busy, once: it is sent again.
    if (parts === 3) {
      return route.fulfill({
        status: 503, headers: { 'Retry-After': '1' }, json: { code: 'x', message: 'busy' },
      });
    }
    if (parts < 9) return route.continue();
    await route.fetch();
    return cut();
  });
  await expecting(/503 \(Service Unavailable\)/, async () => {
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('busy: it is sent again').waitFor();
    await isCut;
  });
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await check(page, 'an import at work');
  await page.reload();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await settle(page);
  is(sql(empty, `SELECT leads_enrolled BETWEEN 7000 AND 8000 FROM lt_campaigns`), 't',
    'the page is loaded again in the middle');
  const resume = page.locator('input[id^="file-"]');
  const forged = Buffer.from(buffer);
  forged[forged.length - 100] ^= 1;
  await resume.setInputFiles({ ...file, buffer: forged });
  await page.getByText('This is not the file').waitFor();
  ok(true, 'another file of that size is not taken');
  await check(page, 'an import that stopped');
  await resume.setInputFiles(file);
  await page.getByRole('heading', { name: 'The file is imported' }).waitFor({ timeout: 60000 });
  const done = await figures(page);
  for (const [title, value] of [['Rows', 20000], ['Enrolled', count.enrolled],
    ['Updated', count.updated],
    ['Suppressed', count.suppressed], ['Left out', count.invalid]]) {
    is(done[title], shown(value), `after it goes on, all is counted once: ${title}`);
  }
  is(sql(empty, `SELECT leads_enrolled FROM lt_campaigns`), String(count.enrolled),
    '... and in the database');
  is(sql(empty, `SELECT custom ->> 'seatsBought' FROM lt_leads
    WHERE email = 'lead.7@example7.com'`), '=1+1', 'a field of one\'s own is there');
  await check(page, 'an import that is done');
  const [download] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('button', { name: /^Download all/ }).click()]);
  const left = readFileSync(await download.path(), 'utf8');
  is(left.split('\r\n').length, count.invalid + 1, 'what was left out can be downloaded');
  ok(left.includes(`'=cmd|calc`) && left.includes(`'-2+3`) && !/(^|,)"?[=+\-@]/m.test(left),
    'no cell of it is a formula', left.slice(0, 300));
  return { campaign, place, count };
}
