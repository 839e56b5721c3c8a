import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from './graphiql/operations.ts';
import { startApi, type ApiProcess } from './testing/api-process.ts';
import { builtGraphiql } from './testing/built-page.fixture.ts';

/* GraphiQL as it ships, in a real browser that reaches this server alone. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-graphiql-'));
let api: ApiProcess;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  const pages = await builtGraphiql();
  api = await startApi({ TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: pages, PORT: '0' });
  page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => request.url().startsWith(api.url) || complaints.push(request.url()));
  // As a person opens it who knows the address of GraphQL alone.
  await page.goto(`${api.url}/graphql`);
  expect(page.url()).toBe(`${api.url}/graphiql/`);
});

afterAll(async () => {
  await browser?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the tab; gives what the answer's editor shows once it holds `wanted`. */
async function run(tab: number, wanted: string): Promise<string> {
  const chosen = page.getByRole('tab').nth(tab);
  // Choosing it again would bring back what it held before it was edited.
  if ((await chosen.getAttribute('aria-selected')) !== 'true') await chosen.click();
  const answer = page.locator('.result-window');
  // GraphiQL notices which operation a tab holds a moment after it is shown.
  for (let tries = 0; tries < 10 && !(await answer.innerText()).includes(wanted); tries++) {
    await page.waitForTimeout(500);
    await page.getByRole('button', { name: /^Execute query/ }).click();
    await page.waitForTimeout(1500);
  }
  expect(await answer.innerText()).toContain(wanted);
  return answer.innerText();
}

describe.skipIf(skipped)('GraphiQL', () => {
  it('tries models, a generation, its events and the list of all, without the internet', async () => {
    await page
      .getByRole('tab')
      .nth(operations.length - 1)
      .waitFor();
    await run(0, '"models": [');
    const created = await run(1, '"CreateGenerationPayload"');
    const id = /"id": "([^"]+)"/.exec(created)![1]!;
    await run(2, '"CompletedEvent"');
    expect(await run(3, '"COMPLETED"')).toContain(id);
    expect(complaints).toEqual([]);
  });
});
