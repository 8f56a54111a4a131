// What tests of the page use: a browser, what is seen in it, and what the database says.
//
// Each thing that is seen is a line: "ok NAME", or "not ok NAME" with why.

import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chromium } from 'playwright-core';
import axe from 'axe-core';

export const given = JSON.parse(process.env.PAGE);
const { base, database } = given;

export function ok(holds, name, why = '') {
  console.log(`${holds ? '' : 'not '}ok ${name}`);
  if (!holds && why) console.log(`# ${String(why).replaceAll('\n', '\n# ')}`);
}
export const is = (got, expected, name) =>
  ok(got === expected, name, `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);

// What the database says in a workspace.
export function sql(workspace, query) {
  return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', database,
    '-c',
    `SET search_path TO api; SET leadterra.workspace_id = '${workspace.id}'`, '-c', query],
  { encoding: 'utf8' }).trim();
}

function findProgram(name) {
  return process.env.PATH.split(':').map((folder) => `${folder}/${name}`).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const browser = await chromium.launch({
  executablePath: findProgram('chromium'), args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
export const close = () => browser.close();

// What goes wrong without anybody looking for it.
export const troubles = [];
let expected = null;
// Does something in which the console tells of an error that is meant.
export async function expecting(error, work) {
  expected = error;
  try {
    await work();
  } finally {
    expected = null;
  }
}

// Who has asked for what, and has no answer yet.
const asking = new WeakMap();

function watch(page) {
  const open = new Set();
  asking.set(page, open);
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== base && url.protocol !== 'blob:')
      troubles.push(`elsewhere: ${request.url()}`);
    open.add(request);
  });
  page.on('requestfinished', (request) => open.delete(request));
  page.on('requestfailed', (request) => open.delete(request));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expected?.test(message.text())) {
      troubles.push(`${message.text()} (${message.location().url}, ${page.url()})`);
    }
  });
  page.on('pageerror', (error) => troubles.push(`thrown: ${error.stack}`));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
}

// A page of a browser that nobody has used before.
export async function open(options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 }, locale: 'en-GB', timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce', ...options,
  });
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  watch(page);
  return page;
}

export async function signIn(page, key) {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// Waits until all of a view is there.
export async function settle(page) {
  await page.locator('main h1').first().waitFor();
  for (;;) {
    await page.waitForFunction(() => !document.querySelector('.loading'));
    const [request] = asking.get(page);
    if (!request) break;
    await request.response().then((response) => response?.finished(), () => {});
    asking.get(page).delete(request);
  }
  // What the last answer changes is drawn.
  await page.evaluate(() => new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done)); }));
}

// Goes to a place in the page.
export async function go(page, hash) {
  await page.goto(`${base}/app/#/${hash}`);
  await settle(page);
}

export const heading = (page) => page.locator('main h1').first();
export const said = (page, text) => page.locator('#said').getByText(text).waitFor();

// No violation of what axe knows, or of one rule, and nothing beyond the edge of the screen.
export async function check(page, name, rule = null) {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe.source);
  const { violations } = await page.evaluate((runOnly) =>
    axe.run({ resultTypes: ['violations'], ...(runOnly && { runOnly }) }), rule);
  ok(violations.length === 0, `${name}: accessible`, violations.flatMap((violation) =>
    violation.nodes.slice(0, 3).map((node) =>
      `${violation.id}: ${node.failureSummary} ${node.html}`)).join('\n'));
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  ok(over <= 0, `${name}: nothing is beyond the edge`, `${over} pixels are`);
}
