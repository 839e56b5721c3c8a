import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { programArguments } from '@tessera/api/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const flags = programArguments(join(import.meta.dirname, 'main.ts'));

let folder: string;
let codes: string;
let distributions: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-train-'));
  [codes, distributions] = [briefly('micro-var'), briefly('micro-mar')];
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A recipe of the repository that evaluates a few samples: what is looked at here comes before. */
function briefly(name: string): string {
  const file = join(folder, `${name}.json`);
  const evaluation = { samples: 2, neighbours: 1 };
  writeFileSync(file, JSON.stringify({ extends: join(root, `recipes/${name}.json`), name, evaluation }));
  return file;
}

function tessera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], { encoding: 'utf8', cwd: root });
  return { status, stdout, stderr };
}

interface Line {
  readonly stage: string;
  readonly step: number;
  readonly loss: number;
}

function logged(out: string): Line[] {
  const file = join(out, 'log.jsonl');
  if (!existsSync(file)) return [];
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line).filter(({ loss }) => loss !== undefined);
}

/** Loss of every step; of a step that ran twice, after a crash, the last. */
function losses(out: string): Record<string, number> {
  return Object.fromEntries(logged(out).map(({ stage, step, loss }) => [`${stage} ${step}`, loss]));
}

/** Starts a training and kills it, unasked, once it has logged this step. */
async function killAt(stage: string, step: number, [recipe, out]: readonly [string, string]): Promise<void> {
  const child = spawn(process.execPath, [...flags, 'train', recipe, '--out', out, '--resume'], { cwd: root });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  while (child.exitCode === null && !logged(out).some((line) => line.stage === stage && line.step >= step))
    await delay(5);
  child.kill('SIGKILL');
  await ended;
}

describe('train', () => {
  it.each([
    ['codes', 'tokenizer', () => codes],
    ['distributions', 'generator', () => distributions],
  ])(
    'goes on after kill -9 with the losses of a run that nothing disturbed: %s, in its %s',
    { tags: ['long'], timeout: 300_000 },
    async (what, stage, recipeOf) => {
      const recipe = recipeOf();
      const undisturbed = join(folder, `${what}-undisturbed`);
      const disturbed = join(folder, `${what}-disturbed`);
      expect(tessera('train', recipe, '--out', undisturbed)).toMatchObject({ status: 0 });
      await killAt(stage, 5, [recipe, disturbed]);
      expect(existsSync(join(disturbed, 'model'))).toBe(false);
      expect(tessera('train', recipe, '--out', disturbed, '--resume')).toMatchObject({ status: 0 });
      expect(Object.keys(losses(undisturbed))).toHaveLength(16);
      expect(losses(disturbed)).toEqual(losses(undisturbed));
      const weights = (out: string) => readFileSync(join(out, 'model', 'backbone.safetensors'));
      expect(weights(disturbed).equals(weights(undisturbed))).toBe(true);
      expect(readdirSync(join(undisturbed, 'pictures'))).toContain('neighbours.png');
    },
  );

  it('refuses to train over a training, and writes nothing on a dry run', () => {
    const recipe = codes;
    const begun = join(folder, 'begun');
    mkdirSync(begun);
    writeFileSync(join(begun, 'log.jsonl'), '');
    const over = tessera('train', recipe, '--out', begun);
    expect([over.status, over.stderr]).toEqual([1, expect.stringMatching(/holds a training already.*\(run-exists\)/)]);
    const dry = tessera('train', recipe, '--out', join(folder, 'dry'), '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({
      name: 'micro-var',
      stages: [{ name: 'tokenizer' }, { name: 'generator' }],
    });
    expect(existsSync(join(folder, 'dry'))).toBe(false);
  });

  it.each([
    ['{ "format": ', /not JSON.*\(recipe-malformed\)/],
    ['{ "format": "tessera-recipe", "version": 1, "nmae": "x" }', /nmae/],
  ])('refuses the recipe %s in one sentence', (text, sentence) => {
    const file = join(folder, 'recipe.json');
    writeFileSync(file, text);
    const { status, stderr } = tessera('train', file, '--out', join(folder, 'never'));
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(sentence);
    expect([status, existsSync(join(folder, 'never'))]).toEqual([1, false]);
  });
});
