import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { findBrowser, browserArguments } from '@tessera/chromium';
import { openModel } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DrawMessage, DrawRequest } from './messages.ts';

/* The page, bundled by Vite without a stand-in for any module of Node, draws what Node draws from the same seed. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-in-the-browser-'));
const models = resolve(import.meta.dirname, '../../../models');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
const warnings: string[] = [];
let server: Server;
let browser: Browser;
/** The path that is answered by 404 although its file exists. */
let withheld: string | undefined;

/** The built page, and the models beside it. */
function serve(): Promise<Server> {
  const listening = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://page');
    const file = pathname.startsWith('/models/')
      ? join(models, pathname.slice('/models/'.length))
      : join(folder, pathname === '/' ? 'index.html' : pathname);
    if (pathname === withheld || !existsSync(file)) return response.writeHead(404).end();
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    return createReadStream(file).pipe(response);
  });
  return new Promise((listens) => listening.listen(0, '127.0.0.1', () => listens(listening)));
}

beforeAll(async () => {
  if (skipped) return;
  await build({
    root: resolve(import.meta.dirname, '..'),
    logLevel: 'silent',
    build: {
      outDir: folder,
      emptyOutDir: true,
      rolldownOptions: { onLog: (_level, { message }) => void warnings.push(message) },
    },
  });
  server = await serve();
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
}, 180_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

type Drawn = Extract<DrawMessage, { type: 'image' }>;

/** The page, with every error of its scripts and its console in `complaints`. */
async function openPage(complaints: string[] = []): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return page;
}

/** Asks the page as a person would, and reads what its worker told it. */
async function drawOn(page: Page, { model, label, seed }: DrawRequest): Promise<Drawn> {
  await page.getByLabel('Model').selectOption(model);
  await page.getByLabel('Class').fill(String(label));
  await page.getByLabel('Seed').fill(String(seed));
  const drawn = page.evaluate(() =>
    new Promise<Drawn>((resolves, rejects) => {
      document.addEventListener('drawn', (event) => resolves((event as CustomEvent<Drawn>).detail));
      document.addEventListener('failed', (event) => rejects(new Error((event as CustomEvent<string>).detail)));
    }).then(({ picture, ...rest }) => ({ ...rest, picture: { ...picture, data: [...picture.data] } })),
  );
  const [{ picture, ...rest }] = await Promise.all([drawn, page.getByRole('button', { name: 'Draw' }).click()]);
  return { ...rest, picture: { ...picture, data: Float32Array.from(picture.data) } };
}

async function drawInBrowser(request: DrawRequest): Promise<Drawn> {
  const complaints: string[] = [];
  const page = await openPage(complaints);
  const drawn = await drawOn(page, request);
  expect(complaints).toEqual([]);
  await page.close();
  return drawn;
}

async function drawInNode({ model: name, label, seed }: DrawRequest): Promise<Pick<Drawn, 'codes' | 'picture'>> {
  const engine = createEngine({ target: 'onnx' });
  const model = await openModel(join(models, name), { engine });
  const codes: number[][] = [];
  let picture: Drawn['picture'] | undefined;
  for await (const event of model.generate({ images: imagesOfClasses([label]), seed })) {
    if (event.type === 'step') codes.push([...(event.written.index ?? [])]);
    else picture = event.pixels;
  }
  model.dispose();
  engine.dispose();
  return { codes, picture: picture! };
}

/** Bytes of the built scripts, as they lie and compressed. */
function scriptSizes(): { readonly plain: number; readonly gzip: number; readonly wasm: number } {
  const files = readdirSync(join(folder, 'assets')).map((name) => join(folder, 'assets', name));
  const scripts = files.filter((file) => file.endsWith('.js')).map((file) => readFileSync(file));
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    plain: sum(scripts.map(({ length }) => length)),
    gzip: sum(scripts.map((script) => gzipSync(script).length)),
    wasm: sum(files.filter((file) => file.endsWith('.wasm')).map((file) => statSync(file).size)),
  };
}

describe.skipIf(skipped)('Tessera in a browser', () => {
  it('is bundled without a module of Node', () => {
    // Vite puts an empty module in place of one of Node, under this name, and warns.
    expect(warnings.filter((warning) => warning.includes('externalized'))).toEqual([]);
    const scripts = readdirSync(join(folder, 'assets')).filter((name) => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(1);
    expect(scripts.filter((name) => /browser-external|node:/.test(name))).toEqual([]);
    const texts = scripts.map((name) => readFileSync(join(folder, 'assets', name), 'utf8'));
    expect(texts.filter((text) => text.includes('has been externalized for browser compatibility'))).toEqual([]);
    const { plain, gzip, wasm } = scriptSizes();
    const kB = (bytes: number) => `${Math.round(bytes / 1000)} kB`;
    console.log(`scripts ${kB(plain)}, ${kB(gzip)} compressed; ONNX Runtime ${kB(wasm)}`);
    expect(gzip).toBeLessThan(600_000);
  });

  it.each([
    { model: 'digits-var', label: 3, seed: 1 },
    { model: 'digits-mar', label: 8, seed: 5 },
  ])('draws with $model the digit that Node draws from the same seed', async (request) => {
    const [inBrowser, inNode] = [await drawInBrowser(request), await drawInNode(request)];
    expect(inBrowser.codes).toEqual(inNode.codes);
    const { data } = inNode.picture;
    const furthest = data.reduce((most, value, i) => Math.max(most, Math.abs(value - inBrowser.picture.data[i]!)), 0);
    console.log(
      `${request.model}: loaded in ${Math.round(inBrowser.loadMs)} ms, drawn in ${Math.round(inBrowser.drawMs)} ms; ` +
        `pixels differ by ${furthest.toExponential(1)} at most`,
    );
    expect(inBrowser.picture.data).toHaveLength(data.length);
    expect(furthest).toBeLessThan(1e-4);
    expect(Math.max(...data) - Math.min(...data)).toBeGreaterThan(0.8); // a digit, not an even area
  });

  it('fetches a model again after a failed download', async () => {
    const page = await openPage();
    const request = { model: 'digits-var', label: 3, seed: 1 };
    withheld = '/models/digits-var/model.json';
    await expect(drawOn(page, request).finally(() => (withheld = undefined))).rejects.toThrow('no readable model.json');
    expect((await drawOn(page, request)).codes).toEqual((await drawInNode(request)).codes);
    await page.close();
  });

  it.each([
    { field: 'Class', values: ['', '-1', '10', '2.5'] },
    { field: 'Seed', values: ['', '-1', '2.5', '9007199254740992'] },
  ])('asks for a valid value instead of drawing with another $field', async ({ field, values }) => {
    const page = await openPage();
    const input = page.getByLabel(field);
    for (const value of values) {
      await input.fill(value);
      await page.getByRole('button', { name: 'Draw' }).click();
      // A request would be sent, and the status changed, within the click.
      expect(await page.getByRole('status').textContent(), value).toContain('Nothing is sent anywhere');
      expect(await input.evaluate((element: HTMLInputElement) => element.validity.valid), value).toBe(false);
    }
    await page.close();
  });
});
