import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { flag, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { findConfig, findModel, listPlugins, loadPlugins, packagesOf, readManifest } from '@tessera/models';
import { runNpm } from '../certify/install.ts';
import { listIn, newConfig, writeConfig } from '../listed-plugins.ts';
import { packageSpec } from '../package-spec.ts';
import { sayProblems } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  model: text({ value: 'MODEL', help: 'add the packages that this model was made with' }),
  yes: flag('do not ask'),
};

export const addPlugins: Command<typeof options> = {
  positionals: { usage: '[PACKAGE...]', least: 0, most: 20 },
  options,
  notes: [
    'Shows what it will do, asks, and then runs npm in the folder of tessera.config, or here, and lists the packages in that file.',
    'No script of a package runs while it is installed. A package may have a version: @acme/head@1.2.0.',
  ],
  examples: ['tessera plugins add @acme/head', 'tessera plugins add --model ./mine'],
  run,
};

type Given = Arguments<typeof options>;

async function run({ positionals, values }: Given, terminal: Terminal): Promise<number> {
  const specs = await specsOf(positionals, values.model);
  const names = specs.map((spec) => packageSpec(spec)!);
  const config = findConfig();
  const folder = config === null ? process.cwd() : dirname(config);
  const file = config ?? join(folder, 'tessera.config.mjs');
  const listed = config === null ? { text: newConfig(names), lines: names } : await listIn(config, names);
  const args = ['install', '--ignore-scripts', ...specs];
  terminal.out(`In ${folder}:`);
  terminal.out(`  npm ${args.join(' ')}`);
  if (listed.lines.length > 0) terminal.out(`  ${basename(file)} lists ${listed.lines.join(', ')}`);
  if (!values.yes && !(await agreed(terminal))) return 1;
  await runNpm(args, { folder, say: () => undefined });
  await writeConfig(file, listed.text);
  return told(file, { names, terminal });
}

/** What npm is to install. @throws TesseraError `usage`, `package-name` */
async function specsOf(given: readonly string[], model: string | undefined): Promise<readonly string[]> {
  const needed = model === undefined ? [] : packagesOf(await readManifest(findModel(model).folder));
  const specs = [...new Set([...given, ...needed])];
  const wrong = specs.find((spec) => packageSpec(spec) === null);
  const who = 'tessera plugins add';
  if (wrong !== undefined) {
    const expected = 'the name of a package, with a version or without: @acme/head@1.2.0';
    throw new TesseraError({
      code: 'package-name',
      who,
      got: wrong,
      expected,
      next: 'Install anything else with npm.',
    });
  }
  if (specs.length > 0) return specs;
  const got = model === undefined ? 'no package' : `${model}, which names no package of others`;
  throw new TesseraError({ code: 'usage', who, got, expected: 'at least one package to add' });
}

/** @throws TesseraError `usage` where there is no one to ask */
async function agreed(terminal: Terminal): Promise<boolean> {
  if (!process.stdin.isTTY) {
    const [who, got, expected] = ['tessera plugins add', 'no terminal to ask', '--yes, or a terminal'] as const;
    throw new TesseraError({ code: 'usage', who, got, expected, next: 'Nothing was changed.' });
  }
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asked.question('Go on? [y/N] ').finally(() => asked.close());
  if (/^y(es)?$/i.test(answer.trim())) return true;
  terminal.err('Nothing was changed.');
  return false;
}

interface Told {
  readonly names: readonly string[];
  readonly terminal: Terminal;
}

/** What the packages bring, once they are loaded as every command does. */
async function told(file: string, { names, terminal }: Told): Promise<number> {
  const { plugins, problems } = await loadPlugins(existsSync(file) ? file : null);
  for (const { kind, name, package: from, version } of listPlugins(plugins)) {
    if (from !== null && names.includes(from)) terminal.out(`${kind}  ${name}  ${from} ${version ?? ''}`.trimEnd());
  }
  sayProblems(problems, terminal);
  return problems.length > 0 ? 1 : 0;
}
