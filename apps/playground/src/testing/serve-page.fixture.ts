import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser } from 'playwright-core';
import { startApi, type ApiProcess } from './api-process.ts';
import { builtPage } from './built-page.fixture.ts';

/** Tests without a browser are asked for, by TESSERA_BROWSER=none. */
export const skipped = process.env['TESSERA_BROWSER'] === 'none';

/** The page, a server with every model that ships, and a browser. */
export interface ServedPage {
  /** Where all of it lies. */
  readonly folder: string;
  readonly environment: Record<string, string>;
  readonly api: ApiProcess;
  readonly browser: Browser;
  close(): Promise<void>;
}

/** The page with React's checks, a server of its own and a real browser. `name` is that of its folder. */
export async function servePage(name: string): Promise<ServedPage> {
  const folder = mkdtempSync(join(tmpdir(), `tessera-${name}-`));
  const page = await builtPage('checked');
  const environment = { TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: page, PORT: '0' };
  const api = await startApi(environment);
  const browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  return {
    folder,
    environment,
    api,
    browser,
    async close() {
      await browser.close();
      await api.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
