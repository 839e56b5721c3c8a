import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { programArguments } from '@tessera/api/testing';
import { afterAll, expect, it } from 'vitest';
import { sweep } from './commands/sweep.ts';
import type { Cell } from './sweep/cells.ts';
import type { SweepRow } from './sweep/summary.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'tessera-sweep-'));
const recipe = join(folder, 'few-digits.json');
const data = { kind: 'mnist', size: 32, limit: 300 };
writeFileSync(recipe, JSON.stringify({ extends: join(root, 'recipes/digits-var.json'), data }));
afterAll(() => rmSync(folder, { recursive: true }));

const argvOf = (out: string, ...more: string[]) => [
  ...[join(root, 'models/digits-var'), '--against', recipe, '--samples', '20', '--seeds', '1,2', '--out', out],
  ...more,
];
const grid = ['--set', 'guidance=0,2', '--set', 'topP=0.8'];

const run = async (...argv: string[]) => (await runCommand(sweep, 'tessera sweep', argv)).lines;

const cellsOf = (out: string): readonly Cell[] => {
  const path = join(out, 'cells.jsonl');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Cell);
};

it('goes on after kill -9 with the figures of a sweep that nothing disturbed', { tags: ['long'] }, async () => {
  const [out, undisturbed] = [join(folder, 'out'), join(folder, 'undisturbed')];
  const flags = programArguments(join(import.meta.dirname, 'main.ts'));
  const child = spawn(process.execPath, [...flags, 'sweep', ...argvOf(out, ...grid)], { cwd: root });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  while (child.exitCode === null && cellsOf(out).length === 0) await delay(5);
  child.kill('SIGKILL');
  await ended;
  const before = cellsOf(out);
  expect(before.length).toBeLessThan(4);
  writeFileSync(join(out, 'cells.jsonl'), `${before.map((cell) => JSON.stringify(cell)).join('\n')}\n{"named": {"gui`);

  const rows = (await run(...argvOf(out, ...grid, '--json'))).map((line) => JSON.parse(line) as SweepRow);
  await run(...argvOf(undisturbed, ...grid));
  const figures = (cells: readonly Cell[]) => cells.map(({ named, seed, figures: found }) => ({ named, seed, found }));
  expect(figures(cellsOf(out))).toEqual(figures(cellsOf(undisturbed)));
  expect(cellsOf(out).slice(0, before.length)).toEqual(before);

  expect(rows.map(({ named, seeds }) => ({ named, seeds }))).toEqual([
    { named: { guidance: '0', topP: '0.8' }, seeds: [1, 2] },
    { named: { guidance: '2', topP: '0.8' }, seeds: [1, 2] },
  ]);
  expect(rows.every((row) => row.figures.frechetDistance!.half! > 0)).toBe(true);
  const table = readFileSync(join(out, 'table.md'), 'utf8').split('\n');
  expect(table.find((line) => line.startsWith('| guidance'))).toContain('recall');
  expect(table.filter((line) => /^\| [02] /.test(line))).toHaveLength(2);
  const plot = readFileSync(join(out, 'quality-diversity.svg'), 'utf8');
  expect(plot.match(/<circle/g)).toHaveLength(2);
  expect(plot).not.toMatch(/NaN|undefined/);

  const mixed = argvOf(out, ...grid).map((word) => (word === '20' ? '30' : word));
  await expect(run(...mixed)).rejects.toThrow('got samples 30; expected 20');
});

it.each([
  ['values twice', ['--set', 'topP=0.8,0.8'], 'topP=0.8,0.8'],
  ['no values', ['--set', 'topP'], 'NAME=VALUE,VALUE'],
  ['a name twice', ['--set', 'topP=0.8', '--set', 'topP=1'], 'topP twice'],
  ['an option that the model lacks', ['--set', 'topQ=0.8'], 'topQ'],
  ['a value that the model cannot use', ['--set', 'topP=0.8,7'], 'topP'],
  ['other guidance than numbers', ['--set', 'guidance=strong'], 'guidance=strong'],
])('refuses before any work: %s', async (_, settings, words) => {
  await expect(run(...argvOf(join(folder, 'refused'), ...settings))).rejects.toThrow(words);
  expect(cellsOf(join(folder, 'refused'))).toEqual([]);
});
