import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generate } from './commands/images.ts';
import { models } from './commands/models.ts';
import { quantize } from './commands/quantize.ts';
import { runCommand } from './testing/run-command.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-cli-quantize-'));
});
afterAll(() => rm(root, { recursive: true }));

it('stores a model in 8 bits, which makes the images of --precision int8', async () => {
  const small = join(root, 'small');
  const { lines } = await runCommand(quantize, 'tessera quantize', ['digits-mar-categorical', '--out', small]);
  expect(lines[0]).toMatch(/^digits-mar-categorical in int8 is in .*: [\d.]+ MiB, \d\d% of [\d.]+ MiB\.$/);
  const shown = await runCommand(models, 'tessera models', [small]);
  expect(shown.lines.join('\n')).toMatch(/precision +int8/);
  const make = async (out: string, ...args: string[]) => {
    const folder = join(root, out);
    const told = await runCommand(generate, 'tessera generate', [...args, '--label', '5', '--out', folder]);
    return { told: told.lines[0], image: (await readFile(join(folder, 'grid.png'))).toString('base64') };
  };
  const stored = await make('stored', '--model', small);
  const loaded = await make('loaded', '--model', 'digits-mar-categorical', '--precision', 'int8');
  const exact = await make('exact', '--model', 'digits-mar-categorical');
  expect([stored.told, loaded.told]).toEqual(Array(2).fill(expect.stringMatching(/ in int8: /)));
  expect(stored.image).toBe(loaded.image);
  expect(exact.told).not.toContain('int8');
  expect(exact.image).not.toBe(loaded.image);
});

it('measures the model in both precisions, and says so in the card of the folder', async () => {
  const small = join(root, 'measured');
  const args = ['digits-var', '--out', small, '--samples', '20', '--seeds', '1,2'];
  const { lines } = await runCommand(quantize, 'tessera quantize', args);
  const card = await readFile(join(small, 'README.md'), 'utf8');
  expect(card).toMatch(/^# Handwritten digits \(VAR\) in 8 bits\n/);
  expect(lines.slice(1).join('\n')).toMatch(
    /^float32:\n  digits-var: 20 images in each of 2 sets [^]*\nint8:\n  digits-var: 20 /,
  );
  expect(card).toContain(lines.slice(1).join('\n'));
  expect(card.match(/^ +seeds 1, 2; (int8; )?guidance/gm)).toEqual([
    '  seeds 1, 2; guidance',
    '  seeds 1, 2; int8; guidance',
  ]);
  expect(card.match(/recognised +[\d.]+ %/g)).toHaveLength(2);
});

it('refuses a precision that there is not', async () => {
  const args = ['--model', 'digits-var', '--precision', 'int4', '--out', join(root, 'none')];
  await expect(runCommand(generate, 'tessera generate', args)).rejects.toThrow(
    "[createEngine] got the precision 'int4'; expected 'float32' or 'int8' or 'auto'.",
  );
});
