import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WeightSpec } from './official-shapes.ts';

const DRAWS = 1 << 20;

/**
 * Writes a safetensors file of random weights into the temporary folder, once; later calls find it there.
 * Values come from one block of normal numbers, read over and over at other offsets: a benchmark needs their spread,
 * not their independence, and memory stays at a few megabytes.
 */
export function randomWeights(label: string, specs: readonly WeightSpec[]): string {
  const folder = join(tmpdir(), 'tessera-bench');
  mkdirSync(folder, { recursive: true });
  const key = createHash('sha256').update(JSON.stringify(specs)).digest('hex').slice(0, 12);
  const path = join(folder, `${label}-${key}.safetensors`);
  if (existsSync(path)) return path;
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, 'w');
  try {
    writeSync(file, headerOf(specs));
    const block = normalBlock();
    for (const [i, spec] of specs.entries()) writeTensor(file, spec, { block, offset: (i * 7919) % DRAWS });
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  return path;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function headerOf(specs: readonly WeightSpec[]): Buffer {
  let offset = 0;
  const entries = specs.map(({ name, shape }) => {
    const start = offset;
    offset += 4 * elements(shape);
    return [name, { dtype: 'F32', shape, data_offsets: [start, offset] }] as const;
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const body = Buffer.from(text.padEnd(Math.ceil((8 + text.length) / 64) * 64 - 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([length, body]);
}

/** Normal numbers by Box and Muller from a linear congruential sequence with a fixed seed. */
function normalBlock(): Float32Array {
  const block = new Float32Array(DRAWS);
  let state = 12345;
  const uniform = () => {
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

function writeTensor(file: number, spec: WeightSpec, source: { block: Float32Array; offset: number }): void {
  const { spread } = spec;
  const scaled =
    spread.kind === 'normal'
      ? source.block.map((value) => value * spread.std)
      : new Float32Array(DRAWS).fill(spread.value);
  let left = elements(spec.shape);
  let at = source.offset;
  while (left > 0) {
    const count = Math.min(left, DRAWS - at);
    writeSync(file, scaled.subarray(at, at + count));
    left -= count;
    at = 0;
  }
}
