import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parity } from './parity.ts';

const cases = fileURLToPath(new URL('../../../tools/goldens/cases', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-parity-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ exit: number; lines: string[] }> {
  const lines: string[] = [];
  const exit = await parity(args, (line) => lines.push(line));
  return { exit, lines };
}

/** A copy of a fixture whose raw bytes or header `change` has altered. */
function altered(name: string, change: (bytes: Buffer, header: Record<string, Entry>) => void): void {
  const bytes = readFileSync(join(cases, name));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, Entry>;
  const data = Buffer.from(bytes.subarray(8 + length));
  change(data, header);
  const text = JSON.stringify(header);
  const head = Buffer.alloc(8);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  head.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(join(folder, name), Buffer.concat([head, padded, data]));
}

function copyWeights(name: string): void {
  mkdirSync(join(folder, 'weights'));
  copyFileSync(join(cases, 'weights', name), join(folder, 'weights', name));
}

type Entry = { data_offsets: [number, number]; shape: number[] } & Record<string, string>;

/** A tensor like another, without elements and behind all others. */
function emptyLike(entry: Entry, { length }: Buffer): Entry {
  return Object.assign({}, entry, { shape: [0], data_offsets: [length, length] as const });
}

/** Kinds of the cases, and how many files have them. */
const groups = [
  ['interp*,quantizer,filter', 13],
  ['vqvae*,var.schedules,var.inventory', 4],
  ['var.teacher*,var.infer,var.edit', 7],
  ['var.train', 3],
  ['klvae,diffusion.*,mar.tables,mar.inventory', 4],
  ['mar.net,mar.ps*', 5],
  ['mar.loss,mar.train', 4],
  ['mar.sample', 4],
] as const;

describe('parity on onnx', () => {
  it.each(groups)('reproduces %s and leaves no tensors behind', async (kinds, count) => {
    const before = tf.memory().numTensors;
    const { exit, lines } = await run(cases, '--kind', kinds);
    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(lines.at(-1)).toBe(`${count} passed, 0 failed`);
    expect(exit).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has a group for every case', () => {
    const files = readdirSync(cases).filter((name) => /\.(safetensors|json)$/.test(name));
    expect(groups.reduce((sum, [, count]) => sum + count, 0)).toBe(files.length);
  });
});

describe('parity on eager', () => {
  it.each([
    ['interp*,quantizer,filter,var.teacher*', 16],
    ['diffusion.*,mar.net,mar.ps*', 6],
  ] as const)('reproduces %s', async (kinds, count) => {
    const { exit, lines } = await run(cases, '--target', 'eager', '--kind', kinds);
    expect(lines.at(-1)).toBe(`${count} passed, 0 failed`);
    expect(exit).toBe(0);
  });
});

describe('a case that should fail', () => {
  it('names the tensor when one expected value is wrong', async () => {
    altered('quant_share0.safetensors', (data, header) => {
      const [start] = header['out.f_hat.1']!.data_offsets;
      data.writeFloatLE(data.readFloatLE(start) + 0.01, start);
    });
    const { exit, lines } = await run(folder);
    expect(lines[0]).toMatch(/^FAIL {2}quant_share0.safetensors {2}quantizer {2}out\.f_hat\.1\[0, 0, 0, 0\] is /);
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
    expect(exit).toBe(1);
  });

  it('holds indices to be exact', async () => {
    altered('quant_share0.safetensors', (data, header) => {
      const [start] = header['out.idx.0']!.data_offsets;
      data.writeInt32LE(data.readInt32LE(start) + 1, start);
    });
    const { lines } = await run(folder);
    expect(lines[0]).toContain('out.idx.0[0, 0] is ');
  });

  it('sees one token of a chain that differs, and a result under a number', async () => {
    copyWeights('mar_tiny.safetensors');
    altered('mar_tiny_psample.safetensors', (data, header) => {
      const [start] = header['2.out.final']!.data_offsets;
      data.writeFloatLE(data.readFloatLE(start) + 0.05, start);
    });
    altered('mar_tiny_psteps.safetensors', (_, header) => {
      const { cases } = header['__metadata__']!;
      header['__metadata__']!['cases'] = JSON.stringify((JSON.parse(cases!) as object[]).slice(0, -1));
    });
    const { lines } = await run(folder);
    expect(lines[0]).toContain('2.out.final[0, 0] is ');
    expect(lines[1]).toContain('not compared: 3.out.mean, 3.out.log_variance');
  });

  it('sees sets of other sizes and one number of a step that differs', async () => {
    copyWeights('mar_tiny.safetensors');
    altered('mar_tiny_sample_nolabel.safetensors', (data, header) => {
      const [start] = header['out.z_pred.1']!.data_offsets;
      data.writeFloatLE(data.readFloatLE(start) + 0.05, start);
    });
    const first = await run(folder);
    expect(first.lines[0]).toContain('out.z_pred.1[0, 0] is ');
    altered('mar_tiny_sample_nolabel.safetensors', (_, header) => {
      const { call } = header['__metadata__']!;
      header['__metadata__']!['call'] = JSON.stringify({ ...(JSON.parse(call!) as object), num_iter: 4 });
    });
    const second = await run(folder);
    expect(second.lines[0]).toMatch(/got 4 steps, in step 0 .*; expected 3 steps/);
  });

  it.each([
    ['t = 1', 1, 2e-4],
    ['t = 999', 47, 6e-5],
  ])('sees the bound of one row that differs, at %s', async (_, row, share) => {
    copyWeights('mar_tiny.safetensors');
    altered('mar_tiny_bound.safetensors', (data, header) => {
      const at = header['out.vb']!.data_offsets[0] + 4 * row;
      data.writeFloatLE(data.readFloatLE(at) * (1 + share), at);
    });
    const { lines } = await run(folder);
    expect(lines[0]).toContain(`FAIL  mar_tiny_bound.safetensors  mar.net  out.vb[${row}] is `);
  });

  it('reads the masks of a progressive stage, and refuses others', async () => {
    copyWeights('var_tiny.safetensors');
    copyFileSync(join(cases, 'weights', 'vqvae_tiny.safetensors'), join(folder, 'weights', 'vqvae_tiny.safetensors'));
    const name = 'var_tiny_drop_stages.safetensors';
    altered(name, (data, header) => {
      const [start] = header['rand.prog2.drop_path_keep.1']!.data_offsets;
      data.writeFloatLE(1 - data.readFloatLE(start), start);
    });
    expect((await run(folder)).lines[0]).toContain('out.prog_loss.2[] is ');
    altered(name, (data, header) => {
      header['rand.prog3.drop_path_keep.0'] = emptyLike(header['rand.prog1.drop_path_keep.0']!, data);
    });
    expect((await run(folder)).lines[0]).toContain('not read: rand.prog3.drop_path_keep.0');
    altered(name, (_, header) => {
      header['rand.prog3.drop_path_keep.0'] = header['rand.prog1.drop_path_keep.3']!;
      delete header['rand.prog1.drop_path_keep.3'];
    });
    expect((await run(folder)).lines[0]).toContain('3 keep masks for a pass; expected 4');
  });

  it('says what no runner read', async () => {
    altered('interp_grad.safetensors', (data, header) => {
      header['rand.unheard'] = header['weights'] = emptyLike(header['grad.0']!, data);
    });
    const { lines } = await run(folder);
    expect(lines[0]).toContain('not read: weights, rand.unheard');
  });

  it('says what no runner compared', async () => {
    altered('interp_grad.safetensors', (_, header) => {
      const { cases } = header['__metadata__']!;
      header['__metadata__']!['cases'] = JSON.stringify((JSON.parse(cases!) as object[]).slice(0, -1));
    });
    const { exit, lines } = await run(folder);
    expect(lines[0]).toContain('not compared: grad.2');
    expect(exit).toBe(1);
  });

  it('fails a kind without a runner, and one without a kind', async () => {
    altered('interp.safetensors', (_, header) => {
      header['__metadata__']!['kind'] = 'var.unheard';
    });
    altered('interp_grad.safetensors', (_, header) => {
      delete header['__metadata__']!['kind'];
    });
    const { exit, lines } = await run(folder);
    expect(lines[0]).toMatch(/^FAIL {2}interp.safetensors {2}var.unheard {2}.* which has no runner/);
    expect(lines[1]).toContain('no `kind` in its metadata');
    expect(exit).toBe(1);
  });

  it('goes on after a broken file', async () => {
    writeFileSync(join(folder, 'a.safetensors'), 'not a weight file at all');
    writeFileSync(join(folder, 'b.json'), '{ broken');
    copyFileSync(join(cases, 'topk_topp.safetensors'), join(folder, 'topk_topp.safetensors'));
    const { exit, lines } = await run(folder);
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['FAIL', 'FAIL', 'ok  ', '1 pa']);
    expect(lines.at(-1)).toBe('1 passed, 2 failed');
    expect(exit).toBe(1);
  });
});

describe('the command', () => {
  it('explains itself', async () => {
    const { exit, lines } = await run('--help');
    expect(lines[0]).toContain('npm run parity -- tools/goldens/cases');
    expect(exit).toBe(0);
  });

  it('refuses what it does not understand', async () => {
    const file = join(folder, 'note.txt');
    writeFileSync(file, 'a note');
    for (const [code, sentence, ...args] of [
      [2, /got no argument; .*\(usage\)$/],
      [2, /got the arguments a b; .*\(usage\)$/, 'a', 'b'],
      [2, /got the unknown option --nonsense; .*\(usage\)$/, folder, '--nonsense'],
      [1, /got --target cuda; expected one of .*\(option\)$/, folder, '--target', 'cuda'],
      [
        1,
        /^\[\/does\/not\/exist\] got no such folder; expected a folder of case files\. .*\(folder-unreadable\)$/,
        '/does/not/exist',
      ],
      [1, /note\.txt\] got a file; expected a folder of case files\..*\(folder-unreadable\)$/, file],
    ] as const) {
      const { exit, lines } = await run(...args);
      expect(lines).toEqual([expect.stringMatching(sentence)]);
      expect(exit).toBe(code);
    }
  });

  it('runs on several targets, one after the other', async () => {
    const { exit, lines } = await run(cases, '--target', 'onnx,eager', '--kind', 'filter,interp');
    expect(lines.map((line) => line.slice(0, 6))).toEqual([
      ...['onnx:', 'ok    ', 'ok    ', 'eager:', 'ok    ', 'ok    ', '4 pass'],
    ]);
    expect(exit).toBe(0);
  });

  it('does not call nothing a success', async () => {
    const { exit, lines } = await run(cases, '--kind', 'nothing.*');
    expect(lines.at(-1)).toBe('0 passed, 0 failed');
    expect(exit).toBe(1);
  });
});
