import { fileURLToPath } from 'node:url';
import type { Written } from '@tessera/core';
import { listModelFolders, type Model, openModel } from '@tessera/models';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { psnr } from '@tessera/evaluation';
import { createEngine } from '@tessera/targets';
import type { BenchmarkRun } from './arguments.ts';
import { markdownTable } from './format.ts';

const shipped = fileURLToPath(new URL('../../../models', import.meta.url));
const BATCH = 20;
const header = ['model', 'after the same tokens', 'decoder, PSNR of the worst image'];

/** How far the tokens of int8 are from those of float32 after the same tokens and with the same random numbers. */
interface Distance {
  /** Discrete tokens that are the same, and all of them. */
  same: number;
  tokens: number;
  /** Squares of differences between continuous tokens, and of the tokens. */
  error: number;
  size: number;
  /** The worst image that int8 decodes from the tokens of float32, in decibels; infinity where no layer of the decoder is in 8 bits. */
  decibels: number;
}

/** Tokens of every step drawn in int8, each after the tokens that float32 has drawn before it. */
export const benchPrecision: BenchmarkRun = async ({ samples, threads }, print) => {
  const engines = [createEngine({ threads }), createEngine({ threads, precision: 'int8' })] as const;
  const rows: { readonly name: string; readonly distance: Distance }[] = [];
  try {
    for (const { name, folder } of listModelFolders([shipped])) {
      const [exact, reduced] = await Promise.all(engines.map((engine) => openModel(folder, { engine })));
      rows.push({ name, distance: await distanceOf({ exact: exact!, reduced: reduced! }, samples) });
      exact!.dispose();
      reduced!.dispose();
      const { distance } = rows.at(-1)!;
      print(`  ${name}: ${wordsOf(distance)}, decoder ${decibelsOf(distance)}`);
    }
    print(
      markdownTable([header, ...rows.map(({ name, distance }) => [name, wordsOf(distance), decibelsOf(distance)])]),
    );
    return { rows };
  } finally {
    engines.forEach((engine) => engine.dispose());
  }
};

interface Pair {
  readonly exact: Model;
  readonly reduced: Model;
}

async function distanceOf({ exact, reduced }: Pair, samples: number): Promise<Distance> {
  const distance: Distance = { same: 0, tokens: 0, error: 0, size: 0, decibels: Infinity };
  const classes = exact.manifest.classes.length;
  for (let seed = 1; seed <= samples; seed += BATCH) {
    const count = Math.min(BATCH, samples + 1 - seed);
    const labels = Array.from({ length: count }, (_, i) => (seed + i) % classes);
    const request = { images: imagesOfClasses(labels), seed, preview: 'none' } as const;
    const written = await stepsOf(exact, request);
    for (let step = 0; step < written.length; step++) {
      const [drawn] = await stepsOf(reduced, request, written.slice(0, step));
      add(distance, drawn!, written[step]!);
    }
    const [wanted, found] = [await imagesFrom(exact, request, written), await imagesFrom(reduced, request, written)];
    wanted.forEach((pixels, row) => (distance.decibels = Math.min(distance.decibels, psnr(pixels, found[row]!))));
  }
  return distance;
}

/** What the steps of a request write; after steps that are given, what the next one does. */
async function stepsOf(model: Model, request: ModelRequest, given?: readonly Written[]): Promise<Written[]> {
  const steps: Written[] = [];
  for await (const event of model.generate(request, given && { written: given })) {
    if (event.type !== 'step' || event.step.index < (given?.length ?? 0)) continue;
    steps.push(event.written);
    if (given) break;
  }
  return steps;
}

/** What is decoded from tokens that are given. */
async function imagesFrom(
  model: Model,
  request: ModelRequest,
  written: readonly Written[],
): Promise<readonly Float32Array[]> {
  const images: Float32Array[] = [];
  for await (const event of model.generate(request, { written })) {
    if (event.type === 'image') images[event.row] = Float32Array.from(event.pixels.data);
  }
  return images;
}

function add(distance: Distance, found: Written, wanted: Written): void {
  wanted.index?.forEach((index, i) => {
    distance.tokens += 1;
    if (found.index![i] === index) distance.same += 1;
  });
  if (wanted.index) return;
  wanted.values.forEach((value, i) => {
    distance.error += (found.values[i]! - value) ** 2;
    distance.size += value ** 2;
  });
}

function wordsOf({ same, tokens, error, size }: Distance): string {
  if (tokens > 0) return `${((100 * same) / tokens).toFixed(1)}% of ${tokens} tokens the same`;
  return `${(100 * Math.sqrt(error / size)).toFixed(1)}% off, root mean square`;
}

function decibelsOf({ decibels }: Distance): string {
  return decibels === Infinity ? 'the same' : `${decibels.toFixed(1)} dB`;
}
