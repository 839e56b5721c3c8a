import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@tessera/checkpoints';
import type { WeightSpec } from './official-shapes.ts';

const DRAWS = 1 << 20;

/** Where benchmarks keep their weights between runs. */
export const cacheFolder = join(tmpdir(), 'tessera-bench');

/**
 * Writes a safetensors file of random weights into the cache folder, once; later calls find it there. Values come from
 * one block of normal numbers, read over and over: a benchmark needs their spread, not their independence.
 */
export async function randomWeights(label: string, specs: readonly WeightSpec[]): Promise<string> {
  mkdirSync(cacheFolder, { recursive: true });
  const key = createHash('sha256').update(JSON.stringify(specs)).digest('hex').slice(0, 12);
  const path = join(cacheFolder, `${label}-${key}.safetensors`);
  if (existsSync(path)) return path;
  const block = normalBlock();
  await writeSafetensors(
    path,
    specs.map((spec, i) => ({
      name: spec.name,
      dtype: 'float32',
      shape: spec.shape,
      bytes: () => valuesOf(spec, block, (i * 7919) % DRAWS),
    })),
  );
  return path;
}

function valuesOf({ shape, spread }: WeightSpec, block: Float32Array, offset: number): Uint8Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (spread.kind === 'constant') values.fill(spread.value);
  else for (let i = 0; i < values.length; i++) values[i] = spread.std * block[(i + offset) % DRAWS]!;
  return new Uint8Array(values.buffer);
}

/** Normal numbers by Box and Muller from a linear congruential sequence with a fixed start. */
function normalBlock(): Float32Array {
  const block = new Float32Array(DRAWS);
  let state = 12345;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < DRAWS; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    block[i] = radius * Math.cos(angle);
    block[i + 1] = radius * Math.sin(angle);
  }
  return block;
}
