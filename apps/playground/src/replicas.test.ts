import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { createClient } from '@tessera/client';
import { startPostgres, type TestPostgres } from '@tessera/store/testing';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys, startApi, type ApiProcess } from './testing/api-process.ts';
import { startBalancer, type Balancer } from './testing/balancer.ts';
import { builtPage } from './testing/built-page.fixture.ts';
import { allPictures, openHow, pickModel } from './testing/page-reader.ts';

/* One page at one address: behind it two hardened replicas of the API that ask for keys, and two workers. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-page-'));
let environment: Record<string, string>;
let postgres: TestPostgres;
let replicas: ApiProcess[] = [];
let workers: ApiProcess[] = [];
let door: Balancer;
let browser: Browser;
let page: Page;
let secret: string;
/** What sockets have brought to the page, and how many there were. */
const received: { readonly seq: number; readonly __typename: string }[] = [];
let sockets = 0;
const complaints: string[] = [];

beforeAll(async () => {
  if (skipped) return;
  postgres = await startPostgres();
  environment = {
    DATABASE_URL: await postgres.database(),
    TESSERA_DATA: join(folder, 'data'),
    TESSERA_PLAYGROUND: await builtPage('checked'),
    TESSERA_AUTH: 'keys',
    TESSERA_HARDENED: '1',
    PORT: '0',
  };
  const start = (role: string) => startApi({ ...environment, TESSERA_ROLE: role });
  const all = await Promise.all(['api', 'api', 'worker', 'worker'].map(start));
  [replicas, workers] = [all.slice(0, 2), all.slice(2)];
  door = await startBalancer(replicas.map(({ url }) => url));
  secret = await keys(environment, 'page', 'create', '--admin');
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('websocket', (socket) => {
    sockets += 1;
    socket.on('framereceived', ({ payload }) => keep(String(payload)));
  });
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([...replicas, ...workers].map((one) => one.kill()));
  await door?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function keep(message: string): void {
  const { payload } = JSON.parse(message) as { payload?: { data?: { generationEvents?: (typeof received)[number] } } };
  const event = payload?.data?.generationEvents;
  if (event && event.__typename !== 'WaitingEvent') received.push(event);
}

const steps = () => received.filter(({ __typename }) => __typename === 'StepEvent').length;
const field = (name: string) => page.getByLabel(name, { exact: true });
const untilSteps = (count: number) => expect.poll(steps, { timeout: 60_000 }).toBeGreaterThanOrEqual(count);

async function enter(key: string): Promise<void> {
  await field('Key').fill(key);
  await field('Key').press('Enter');
}

/** Slow steps: time enough to end what makes and brings them. */
async function generate(images: number, respacing: string): Promise<void> {
  await pickModel(page, 'digits-mar');
  await openHow(page);
  await field('Respacing').fill(respacing);
  await field('Images').fill(String(images));
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
}

/** The process that runs a generation now, as the server tells who may ask. */
async function runningWorker(): Promise<ApiProcess> {
  const client = createClient({ url: door.url, key: secret, webSocket: null });
  const service = await client.service();
  if (service.__typename !== 'Service') throw new Error(service.message);
  const { name } = service.workers.find(({ models }) => models.some(({ running }) => running > 0))!;
  return workers.find(({ pid }) => name.endsWith(` ${pid}`))!;
}

describe.skipIf(skipped)('a page before two replicas of each role', () => {
  // Not tried twice: the replica and the worker are gone then.
  const once = { retry: 0, timeout: 240_000 };
  it('shows every step and the images, although its replica and then the worker are killed', once, async () => {
    // Each picture breaks once, as those do that a replica was sending when it was killed.
    const broken = new Set<string>();
    await page.route('**/images/**', (route) =>
      broken.size === broken.add(route.request().url()).size ? route.continue() : route.abort(),
    );
    await page.goto(door.url);
    await enter(secret);
    await generate(8, 'ddim1000');
    await untilSteps(2);

    await replicas.find(({ url }) => url === door.socketAt())!.kill();
    const before = steps();
    await untilSteps(before + 2);
    expect(sockets).toBeGreaterThanOrEqual(2);

    await (await runningWorker()).kill();
    await page.locator('.progress[data-status="completed"]').waitFor({ timeout: 120_000 });
    expect(received.map(({ seq }) => seq)).toEqual(received.map((_, index) => index + 1));
    expect(received.filter(({ __typename }) => __typename === 'RestartedEvent').length).toBe(1);
    expect(steps()).toBe(16);
    expect(await page.getByRole('slider', { name: 'Step', exact: true }).getAttribute('max')).toBe('16');
    expect((await allPictures(page)).length).toBe(8);
    expect([await page.getByRole('alert').count(), await page.locator('.connection').count()]).toEqual([0, 0]);
    // The key that was missing, and the connection that was cut.
    expect(complaints.filter((said) => !/401|WebSocket|ERR_/.test(said))).toEqual([]);
  });

  it('asks for a key again when its key is revoked, and goes on with another one', { tags: ['long'] }, async () => {
    const second = await keys(environment, 'second', 'create');
    received.length = 0;
    await generate(64, 'ddim1000');
    await untilSteps(1);
    await keys(environment, 'page', 'revoke');
    await page.getByText('This key is wrong or was revoked').waitFor({ timeout: 20_000 });
    await enter(second);
    const state = (name: string) => page.locator(`.progress[data-status="${name}"]`).waitFor({ timeout: 20_000 });
    await state('running');
    const stop = page.getByRole('button', { name: 'Stop', exact: true });
    const entries = page.locator('.rail .entry');
    // Beside what could not be sent, Stop does not end the run before it.
    door.cut();
    await page.getByRole('button', { name: 'Generate', exact: true }).click();
    await page.getByRole('alert').waitFor();
    expect(await stop.getAttribute('aria-disabled')).toBe('true');
    door.reopen();
    await entries.nth(1).getByRole('link').click();
    await stop.click();
    await state('canceled');
    expect(await page.getByRole('alert').count()).toBe(0);
    // What it had drawn is shown wherever it is listed.
    await page.goto(door.url);
    await entries.first().locator('[data-shown="drawn"]').waitFor();
    await page.goto(`${door.url}/gallery`);
    await page.locator('.tile').first().locator('[data-shown="drawn"]').first().waitFor();
    await page.locator('.tile').first().getByText('stopped').waitFor();
  });
});
