import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listModelFolders } from '@tessera/models';

const root = resolve(import.meta.dirname, '../../..');
const bin = join(root, 'apps/cli/bin/tessera.mjs');
/** The models that come with the repository: each has a recipe of its name. */
const models = listModelFolders([join(root, 'models')]).filter(({ name }) =>
  existsSync(join(root, 'recipes', `${name}.json`)),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-cli-shipped-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function tessera(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: root });
  return { status, stdout, stderr };
}

interface Option {
  readonly type: string;
  readonly default?: unknown;
}

describe.each(models)('$name', ({ name }) => {
  const options = () => {
    const { stdout } = tessera('models', name, '--json');
    return Object.entries(
      (JSON.parse(stdout) as { options: { properties: Record<string, Option> } }).options.properties,
    );
  };

  it('makes the same images with its defaults said as with nothing said, and tells the time of every step', () => {
    const said = options().flatMap(([option, { default: own }]) => ['--set', `${option}=${String(own)}`]);
    const images = [[], said].map((settings, index) => {
      const out = join(folder, `${name}-${index}`);
      const args = ['--model', name, '--label', '3', '--count', '2', '--out', out, '--json', ...settings];
      const { status, stdout, stderr } = tessera('generate', ...args);
      expect([status, stderr]).toEqual([0, '']);
      const { steps } = (JSON.parse(stdout) as { timings_ms: { steps: { index: number; ms: number }[] } }).timings_ms;
      expect(steps.length).toBeGreaterThan(1);
      expect(steps.every(({ ms }, step) => ms > 0 && steps[step]!.index === step)).toBe(true);
      return readdirSync(out).map((file) => [file, readFileSync(join(out, file)).toString('base64')]);
    });
    expect(images[1]).toEqual(images[0]);
  });

  it('shows measures to four digits, and all digits in JSON', () => {
    const shown = Object.fromEntries(
      tessera('models', name)
        .stdout.split('\n')
        .map((line) => line.trim().split(/ {2,}/, 2)),
    ) as Record<string, string>;
    const { metrics } = JSON.parse(tessera('models', name, '--json').stdout) as { metrics: Record<string, number> };
    expect(shown['parameters']).toBe(metrics['parameters']!.toLocaleString('en'));
    expect(shown['fdCnn']!.length).toBeLessThanOrEqual('0.01234'.length);
    expect(String(metrics['fdCnn']).length).toBeGreaterThan(10);
    for (const [metric, value] of Object.entries(metrics)) {
      expect(Math.abs(Number(shown[metric]!.replaceAll(',', '')) - value)).toBeLessThanOrEqual(value * 0.001);
    }
  });

  it('says of every option what it is, and in one sentence what is wrong with it', () => {
    const { stdout } = tessera('models', name);
    for (const [option, { type }] of options()) {
      expect(stdout).toMatch(new RegExp(`^  ${option} +.+, default .+: .+\\.$`, 'm'));
      const wrong = type === 'string' ? '' : 'some';
      const { status, stderr } = tessera('generate', '--model', name, '--out', folder, '--set', `${option}=${wrong}`);
      expect(stderr).toMatch(new RegExp(`^\\[${name}\\] got ${option} = "${wrong}"; expected .+\\(\\S+\\)\n$`));
      expect(status).toBe(1);
    }
  });
});

it('there is at least one', () => expect(models.length).toBeGreaterThan(0));
