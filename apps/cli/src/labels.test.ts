import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isTesseraError } from '@tessera/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLabels, spread } from './image-options.ts';

const birds = ['tench, Tinca tinca', 'crane', 'goldfish, Carassius auratus', 'crane', 'none'];

function refusal(make: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(make())}`;
  } catch (error) {
    if (isTesseraError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

describe('--label', () => {
  it.each([
    [['0'], [0]],
    [['0,2, 3'], [0, 2, 3]],
    [['tench, Tinca tinca'], [0]],
    [['tench'], [0]],
    [['Tinca tinca,Carassius auratus'], [0, 2]],
    [
      ['goldfish, Carassius auratus', '0,number:1'],
      [2, 0, 1],
    ],
    [['name:goldfish, Carassius auratus'], [2]],
    [
      ['name:none', '-1,number:-1'],
      [4, -1, -1],
    ],
  ])('%j chooses %j', (options, labels) => {
    expect(readLabels(options, { name: 'birds', classes: birds })).toEqual(labels);
  });

  it.each([
    ['crane', birds, /^ambiguous-label .*number:1 \(crane\), number:3 \(crane\)/],
    ['0,crane', birds, /^ambiguous-label .*number:1/],
    ['none', birds, /^ambiguous-label .*number:-1 \(no class\), number:4/],
    ['tenches', birds, /^unknown-label .*the label tenches; .*Did you mean tench\?/],
    ['tench,crane', birds, /^ambiguous-label .*number:1 \(crane\)/],
    ['1e0', ['0', '1'], /the label 1e0; .*See its classes/],
    ['0,,1', birds, /^unknown-label .*an empty label/],
    ['1', ['1', '10', '2'], /^ambiguous-label .*number:0 \(1\), number:1 \(10\)/],
    ['a,b', ['a', 'b', 'a,b'], /^ambiguous-label .*Say name:a,b for the class/],
  ])('%s of %j is refused', (option, classes, sentence) => {
    expect(refusal(() => readLabels([option], { name: 'birds', classes }))).toMatch(sentence);
  });

  it('draws one of each where no count is said, else goes round, and leaves none out', () => {
    const [who, what] = ['tessera edit', 'labels'];
    expect(spread([4, 2, -1], { count: undefined, who, what })).toEqual([4, 2, -1]);
    expect(spread([4, 2, -1], { count: 5, who, what })).toEqual([4, 2, -1, 4, 2]);
    expect(refusal(() => spread([4, 2, -1], { count: 2, who, what }))).toMatch(
      /^option \[tessera edit\] got --count 2 for 3 labels/,
    );
  });
});

describe('on the command line', () => {
  const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
  const trainer = resolve(import.meta.dirname, '../../../packages/models/fixtures/ar-ckpt-last_micro.pth');
  const folder = mkdtempSync(join(tmpdir(), 'tessera-labels-'));
  const tessera = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });

  beforeAll(() => {
    writeFileSync(join(folder, 'names.txt'), birds.join('\n'));
    const files = ['--transformer', trainer, '--classes', 'names.txt'];
    expect(tessera('import', ...files, '--out', 'models/birds')).toMatchObject({ status: 0 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('chooses names with commas beside numbers, and draws one of each', () => {
    const labels = ['--label', 'tench, Tinca tinca', '--label', 'number:3,-1'];
    expect(tessera('generate', '--model', 'birds', ...labels, '--out', 'drawn')).toMatchObject({ status: 0 });
    expect(readdirSync(join(folder, 'drawn')).sort()).toEqual([
      'grid.png',
      'label-0-seed-0.png',
      'label-3-seed-1.png',
      'label-none-seed-2.png',
    ]);
  });

  it('lists the classes with their numbers, and refuses what it would have to guess', () => {
    expect(tessera('models', 'birds').stdout).toContain(
      '0 tench, Tinca tinca; 1 crane; 2 goldfish, Carassius auratus; 3 crane; 4 none',
    );
    const { status, stderr } = tessera('generate', '--model', 'birds', '--label', 'crane', '--out', 'never');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^\[birds\] got the label crane, .*\(ambiguous-label\)\n$/),
    ]);
  });
});
