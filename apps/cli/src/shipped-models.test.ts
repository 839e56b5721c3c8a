import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listModelFolders } from '@tessera/models';
import { generate } from './commands/images.ts';
import { models as modelsCommand } from './commands/models.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
/** The models that come with the repository: each has a recipe of its name. */
const models = listModelFolders([join(root, 'models')]).filter(({ name }) =>
  existsSync(join(root, 'recipes', `${name}.json`)),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-cli-shipped-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const text = async (...args: string[]) =>
  (await runCommand(modelsCommand, 'tessera models', args)).lines.map((line) => `${line}\n`).join('');
const draw = (...args: string[]) => runCommand(generate, 'tessera generate', args);

interface Option {
  readonly type: string;
  readonly default?: unknown;
}

describe.each(models)('$name', ({ name }) => {
  const options = async () => {
    const { options } = JSON.parse(await text(name, '--json')) as { options: { properties: Record<string, Option> } };
    return Object.entries(options.properties);
  };

  it('makes the same images with its defaults said as with nothing said, and tells the time of every step', async () => {
    const said = (await options()).flatMap(([option, { default: own }]) => ['--set', `${option}=${String(own)}`]);
    const images = [];
    for (const [index, settings] of [[], said].entries()) {
      const out = join(folder, `${name}-${index}`);
      const args = ['--model', name, '--label', '3', '--count', '2', '--out', out, '--json', ...settings];
      const { lines, notes } = await draw(...args);
      expect(notes).toEqual([]);
      const { steps } = (JSON.parse(lines.join('\n')) as { timings_ms: { steps: { index: number; ms: number }[] } })
        .timings_ms;
      expect(steps.length).toBeGreaterThan(1);
      expect(steps.every(({ ms }, step) => ms > 0 && steps[step]!.index === step)).toBe(true);
      images.push(readdirSync(out).map((file) => [file, readFileSync(join(out, file)).toString('base64')]));
    }
    expect(images[1]).toEqual(images[0]);
  });

  it('shows measures to four digits, and all digits in JSON', async () => {
    const shown = Object.fromEntries(
      (await text(name)).split('\n').map((line) => line.trim().split(/ {2,}/, 2)),
    ) as Record<string, string>;
    const { metrics } = JSON.parse(await text(name, '--json')) as { metrics: Record<string, number> };
    expect(shown['parameters']).toBe(metrics['parameters']!.toLocaleString('en'));
    expect(shown['fdCnn']!.length).toBeLessThanOrEqual('0.01234'.length);
    expect(String(metrics['fdCnn']).length).toBeGreaterThan(10);
    for (const [metric, value] of Object.entries(metrics)) {
      expect(Math.abs(Number(shown[metric]!.replaceAll(',', '')) - value)).toBeLessThanOrEqual(value * 0.001);
    }
  });

  it('says of every option what it is, and in one sentence what is wrong with it', async () => {
    const shown = await text(name);
    for (const [option, { type }] of await options()) {
      expect(shown).toMatch(new RegExp(`^  ${option} +.+, default .+: .+\\.$`, 'm'));
      const wrong = type === 'string' ? '' : 'some';
      const refused = draw('--model', name, '--out', folder, '--set', `${option}=${wrong}`);
      await expect(refused).rejects.toThrow(new RegExp(`^\\[${name}\\] got ${option} = "${wrong}"; expected .+$`));
    }
  });
});

it('there is at least one', () => expect(models.length).toBeGreaterThan(0));
