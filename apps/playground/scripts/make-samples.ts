import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type Client, type GenerationEvent } from '@tessera/client';
import sharp, { type OverlayOptions } from 'sharp';
import { startApi } from '../src/testing/api-process.ts';

/*
 * Makes the samples that Create plays before the first run, by the shipped models:
 *   npx tsx --conditions=@tessera/source apps/playground/scripts/make-samples.ts [MODEL...]
 * A row per image; a column per step, and one for the finished image. What MAR has not drawn yet is transparent.
 */

interface Sample {
  readonly model: string;
  readonly file: string;
  readonly labels: readonly number[];
  readonly hasHoles: boolean;
  readonly seed: number;
  /** Fewer steps than usual make a smaller file. */
  readonly options?: Readonly<Record<string, unknown>>;
}

const samples: readonly Sample[] = [
  { model: 'digits-var', file: 'digits-var.png', labels: [3, 5, 8], hasHoles: false, seed: 21 },
  { model: 'digits-mar', file: 'digits-mar.png', labels: [3, 5, 8], hasHoles: true, seed: 21 },
  { model: 'avatars-var', file: 'avatars-var.png', labels: [2, 1, 4], hasHoles: false, seed: 21 },
  {
    ...{ model: 'avatars-mar', file: 'avatars-mar.png', labels: [2, 1, 4], hasHoles: true, seed: 30 },
    options: { steps: 16 },
  },
];
/** Names of models on the command line: only these are made. */
const chosen = process.argv.slice(2);
const folder = fileURLToPath(new URL('../src/create/samples', import.meta.url));

type StepEvent = Extract<GenerationEvent, { __typename: 'StepEvent' }>;
type CompletedEvent = Extract<GenerationEvent, { __typename: 'CompletedEvent' }>;

async function make(client: Client, { model, file, labels, hasHoles, seed, options }: Sample): Promise<void> {
  const { image, layout } = (await client.models()).find(({ name }) => name === model)!;
  const images = labels.map((label) => ({ condition: { label } }));
  const made = await client.createGeneration({ model, images, seed, options, preview: 'DECODED' });
  if (made.__typename !== 'CreateGenerationPayload') throw new Error(`${model}: ${made.message}`);
  const steps: StepEvent[] = [];
  let last: CompletedEvent | null = null;
  for await (const event of client.events(made.generation.id)) {
    if (event.__typename === 'StepEvent') steps.push(event);
    if (event.__typename === 'CompletedEvent') last = event;
  }
  if (!last) throw new Error(`${model}: the samples were not finished.`);
  const parts: OverlayOptions[] = [];
  for (const row of labels.keys()) {
    const known = new Set<number>();
    for (const [column, step] of steps.entries()) {
      for (const position of step.positions[step.positions.length === 1 ? 0 : row]!) known.add(position);
      const picture = await client.download(step.previews![row]!);
      const input = hasHoles ? await withHoles(picture, known, layout[0]!) : Buffer.from(picture);
      parts.push({ input, left: column * image.width, top: row * image.height });
    }
    const input = Buffer.from(await client.download(last.images[row]!));
    parts.push({ input, left: steps.length * image.width, top: row * image.height });
  }
  const size = { width: (steps.length + 1) * image.width, height: labels.length * image.height };
  const sheet = sharp({ create: { ...size, channels: 4, background: '#0000' } }).composite(parts);
  await sheet.png({ palette: true, effort: 10 }).toFile(join(folder, file));
}

/** The picture without the tokens that are not known yet. */
async function withHoles(
  picture: Uint8Array,
  known: ReadonlySet<number>,
  { height, width }: { readonly height: number; readonly width: number },
): Promise<Buffer> {
  const { data, info } = await sharp(picture)
    .ensureAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let y = 0; y < info.height; y++) {
    for (let x = 0; x < info.width; x++) {
      const position = Math.floor((y * height) / info.height) * width + Math.floor((x * width) / info.width);
      if (!known.has(position)) data[(y * info.width + x) * info.channels + info.channels - 1] = 0;
    }
  }
  return sharp(data, { raw: info }).png().toBuffer();
}

const folderOfData = mkdtempSync(join(tmpdir(), 'tessera-samples-'));
const api = await startApi({ TESSERA_DATA: folderOfData, PORT: '0' });
const client = createClient({ url: api.url });
try {
  for (const sample of samples) if (chosen.length === 0 || chosen.includes(sample.model)) await make(client, sample);
} finally {
  await client.close();
  await api.kill();
  rmSync(folderOfData, { recursive: true, force: true });
}
