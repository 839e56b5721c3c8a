import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from '../testing/api-process.ts';
import { findings } from '../testing/axe.ts';
import { startBalancer } from '../testing/balancer.ts';
import { generate, status } from '../testing/page-reader.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';

/* Comparing on a real server, in a real browser. */

let served: ServedPage;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('compare');
});

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  page = await served.browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
});

afterEach(async () => {
  await page?.close();
  expect(complaints).toEqual([]);
});

afterAll(() => served?.close());

/** What every picture shows now, as its pixels. */
function pixels(): Promise<string[]> {
  return page
    .locator('.compare-pictures canvas')
    .evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));
}

interface Told {
  readonly seq: number;
  readonly __typename: string;
}

function eventOf(message: string): Told | undefined {
  return (JSON.parse(message) as { payload?: { data?: { generationEvents?: Told } } }).payload?.data?.generationEvents;
}

const made = () => new URL(page.url()).searchParams.getAll('g');

/** Says which models use a part, and makes settings of its JSON Schemas. */
async function tryPlugins(): Promise<void> {
  await page.getByRole('region', { name: 'Conditions' }).getByText('Used by').waitFor();
  const order = page.getByRole('article', { name: 'random-sets' });
  await order.getByText(/Used by .*digits-mar/).waitFor();
  await order.getByText('Options of a request').click();
  await order.getByLabel('Steps', { exact: true }).fill('8');
  await order.getByText('--set steps=8').waitFor();
  const link = order.getByRole('link', { name: 'digits-mar', exact: true }).last();
  expect(await link.getAttribute('href')).toBe('/?model=digits-mar&digits-mar.options.steps=8');
  const head = page.getByRole('article', { name: 'categorical' });
  await head.getByText('Configuration in model.json').click();
  await head.getByText('"plugin": "categorical"').waitFor();
  expect(await findings(page)).toEqual([]);
}

describe.skipIf(skipped)('comparing', () => {
  it('draws models by classes from one seed, one scrubber for all, and the address brings all of it back', async () => {
    await page.goto(`${served.api.url}/compare?x=model&xs=digits-var&xs=digits-mar&y=label&ys=3&ys=7&seed=42`);
    await page.getByRole('button', { name: 'Compare 4 pictures' }).press('Enter');
    await expect.poll(() => made().length, { timeout: 60_000 }).toBe(4);
    const heads = page.getByRole('region', { name: 'Pictures' }).getByRole('columnheader');
    expect(await heads.allInnerTexts()).toEqual(['digits-var', 'digits-mar']);
    // The model of each first picture had to be loaded: it was made again, and both times are told.
    const cold = page.getByRole('columnheader', { name: 'First, with loading' });
    await cold.waitFor();
    const times = await page
      .locator('.compare-costs tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll('td')].slice(0, 3).map((cell) => cell.textContent)),
      );
    expect(times.map(([warm]) => /^[\d.]+ (ms|s)/.test(warm!))).toEqual([true, true, true, true]);
    expect(times.map(([, first]) => first !== '–')).toEqual([true, true, false, false]);
    expect(times.map(([, , steps]) => steps)).toEqual(['5 least', '16', '5 least', '16']);

    const finished = await pixels();
    expect(new Set(finished).size).toBe(4);
    const scrubber = page.getByRole('slider', { name: 'Share of the steps' });
    await scrubber.press('Home');
    await page.getByText('Step 1 of 5').first().waitFor();
    expect(await page.getByText('Step 1 of 16').count()).toBe(2);
    await expect.poll(async () => (await pixels()).some((one, i) => one === finished[i])).toBe(false);
    await scrubber.press('End');
    await expect.poll(pixels).toEqual(finished);

    await page.reload();
    await expect.poll(() => page.locator('.compare-pictures [data-shown="drawn"]').count()).toBe(4);
    await expect.poll(pixels).toEqual(finished);
    expect(await cold.count()).toBe(0);
    expect(await findings(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await findings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });

  it('compares an option by keys alone, says what it leaves out, and that what is shown is of other settings', async () => {
    await page.goto(`${served.api.url}/compare?x=guidance&xs=1&xs=banana&model=digits-var&label=5&colour=red`);
    await page.getByText('The guidance “banana” is no number from 0 to 100').waitFor();
    await page.getByText('“colour=red” was left out').waitFor();
    const values = page.getByRole('textbox', { name: 'Across: values' });
    await values.fill('1, 3');
    await values.press('Enter');
    await page.getByRole('button', { name: 'Compare 2 pictures' }).press('Enter');
    await expect.poll(() => made().length, { timeout: 30_000 }).toBe(2);
    expect(new Set(await pixels()).size).toBe(2);
    await page.getByRole('main', { name: 'Compare' }).getByLabel('Class').selectOption('4');
    await page.getByText('The pictures below are of the settings before.').waitFor();
    expect(made()).toEqual([]);
  });

  it('takes the settings of a picture along from Create, and options of each compared model', async () => {
    await page.goto(`${served.api.url}/?model=digits-var&label=6&seed=11&digits-var.guidance=2`);
    await generate(page, { images: 2 });
    await status(page, 'completed');
    await page.locator('.strip .pick').nth(1).click();
    await page.getByRole('link', { name: 'Compare', exact: true }).last().click();
    await page.getByRole('main', { name: 'Compare' }).waitFor();
    const asked = () => new URL(page.url()).searchParams;
    expect(['model', 'label', 'seed', 'digits-var.guidance'].map((name) => asked().get(name))).toEqual([
      'digits-var',
      '6',
      '12',
      '2',
    ]);
    await page.goto(`${page.url()}&x=model&xs=digits-var&xs=digits-mar`);
    await page.getByText('Settings of digits-mar').click();
    await page.getByRole('group', { name: 'Settings of digits-mar' }).getByLabel('Steps', { exact: true }).fill('4');
    await expect.poll(() => asked().get('digits-mar.options.steps')).toBe('4');
    await page.getByRole('button', { name: 'Compare 2 pictures' }).click();
    await expect.poll(() => made().length, { timeout: 60_000 }).toBe(2);
    const costs = await page.locator('.compare-costs tr').allInnerTexts();
    const column = costs[0]!.split('\t').indexOf('Steps');
    expect(costs.slice(1).map((row) => Number.parseInt(row.split('\t')[column]!))).toEqual([5, 4]);
    // Another room and back: what was made is still there.
    await page.getByRole('link', { name: 'Plug-ins' }).click();
    await tryPlugins();
    await page.getByRole('navigation').getByRole('link', { name: 'Compare' }).click();
    await expect.poll(() => page.locator('.compare-pictures [data-shown="drawn"]').count()).toBe(2);
    expect(made().length).toBe(2);
  });

  it('misses no event where the connection is cut and the server is killed in mid-stream; on a phone, by touch', async () => {
    const door = await startBalancer([served.api.url]);
    await page.close();
    page = await served.browser.newPage({ viewport: { width: 390, height: 844 }, hasTouch: true });
    page.on('pageerror', (error) => complaints.push(error.message));
    let second: Promise<ApiProcess> | undefined;
    const told: Told[] = [];
    const at = { cut: 12, kill: 30 };
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const event = eventOf(String(payload));
        if (!event || event.__typename === 'WaitingEvent') return;
        told.push(event);
        const steps = told.filter(({ __typename }) => __typename === 'StepEvent').length;
        if (event.__typename === 'StepEvent' && steps === at.cut) {
          door.cut();
          setTimeout(() => door.reopen(), 300);
        }
        if (event.__typename === 'StepEvent' && steps === at.kill) {
          const { port } = new URL(served.api.url);
          second = served.api.kill().then(() => startApi({ ...served.environment, PORT: port }));
        }
      }),
    );
    await page.goto(`${door.url}/compare?model=digits-mar&label=3&x=seed&xs=1&xs=2&xs=3&xs=4`);
    await page.getByRole('button', { name: 'Compare 4 pictures' }).tap();
    await expect.poll(() => made().length, { timeout: 60_000 }).toBe(4);
    expect(second).toBeDefined();
    // Each generation's events count from 1 without a gap, to its last.
    const breaks = told.filter(({ seq }, i) => seq !== 1 && seq !== told[i - 1]!.seq + 1);
    expect(breaks).toEqual([]);
    const ended = told.filter(({ __typename }) => __typename === 'CompletedEvent').length;
    expect(told.filter(({ seq }) => seq === 1).length).toBe(ended);
    expect(told.filter(({ __typename }) => __typename === 'StepEvent').length).toBe(16 * ended);
    await page.getByRole('button', { name: 'Play' }).tap();
    await page
      .getByText(/^Step \d+ of 16$/)
      .first()
      .waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page.close();
    await (await second)?.kill();
    await door.close();
  });
});
