import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { chromium } from 'playwright-core';

/** First the one without windows, which Playwright prefers too: a page takes a third less of the processor there. */
const names = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
];
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** A Chromium of this machine: TESSERA_BROWSER, one of the system's, or Playwright's own. */
export function findBrowser(): string {
  const chosen = process.env['TESSERA_BROWSER'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const onPath = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const found = [chosen, ...onPath, ...elsewhere, chromium.executablePath()].find((path) => path && existsSync(path));
  if (found) return found;
  throw new Error(
    'This test needs a Chromium and found none. Install one (Debian: apt-get install chromium; anywhere: ' +
      'npx playwright-core install chromium), set TESSERA_BROWSER to the path of one, or skip with TESSERA_BROWSER=none.',
  );
}

/** Quiet, and without any connection of the browser's own. */
export const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
