import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { flag, type Arguments } from '@tessera/command-line';
import { guidanceOff } from '@tessera/core';
import { isTesseraError, printable } from '@tessera/errors';
import {
  findModel,
  listModelFolders,
  optionsSchema,
  outlineModel,
  refusalOf,
  type ModelOutline,
  type Plugins,
} from '@tessera/models';
import { settingLines } from '../common-options.ts';
import { projectPlugins, sayRemarks } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = { json: flag('print one JSON object') };

export const models: Command<typeof options> = {
  positionals: { usage: '[NAME]', least: 0, most: 1 },
  options,
  examples: ['tessera models', 'tessera models digits-var'],
  run,
};

async function run(args: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const [name] = args.positionals;
  const { json } = args.values;
  const plugins = await projectPlugins(terminal);
  if (name !== undefined) return show({ name, plugins, json }, terminal);
  const found = listModelFolders();
  const read = await Promise.allSettled(found.map(({ folder }) => outlineModel(folder, plugins)));
  const whole = read.flatMap((result, i) =>
    result.status === 'fulfilled' ? [{ ...result.value.manifest, folder: found[i]!.folder }] : [],
  );
  if (json) {
    terminal.out(JSON.stringify(whole));
  } else if (found.length === 0) {
    terminal.out('No models here. Set TESSERA_MODELS to the folder that holds yours, or see tessera import --help.');
  } else {
    const names = whole.map(({ name }) => printable(name, longestName));
    const width = Math.max(0, ...names.map((one) => one.length));
    for (const [i, { title }] of whole.entries()) terminal.out(`${names[i]!.padEnd(width)}  ${printable(title)}`);
  }
  read.forEach((result, i) => {
    if (result.status === 'fulfilled') return;
    const reason: unknown = result.reason;
    const [message, code] = isTesseraError(reason) ? [reason.message, reason.code] : [String(reason), 'internal'];
    terminal.err(`${refusalOf(found[i]!.folder, message)} (${code})`);
  });
  return whole.length < found.length ? 1 : 0;
}

/** Names of a table; `--json` has them whole. */
const longestName = 120;
/** A description; of the classes, a thousand are still shown. */
const longestFact = 2000;
const longestClasses = 40_000;

interface Shown {
  readonly name: string;
  readonly plugins: Plugins;
  readonly json: boolean;
}

async function show({ name, plugins, json }: Shown, terminal: Terminal): Promise<number> {
  const { folder } = findModel(name);
  const outline = await outlineModel(folder, plugins);
  sayRemarks(outline, terminal);
  const { manifest } = outline;
  const options = optionsSchema(outline);
  if (json) {
    terminal.out(JSON.stringify({ ...manifest, options, folder }));
    return 0;
  }
  terminal.out(`${printable(manifest.name, longestName)}: ${printable(manifest.title)}`);
  const rows = facts(outline, folder);
  const width = Math.max(...rows.map(([label]) => printable(label, longestName).length));
  for (const [label, value] of rows) {
    const most = label === 'classes' ? longestClasses : longestFact;
    terminal.out(`  ${printable(label, longestName).padEnd(width)}  ${printable(value, most)}`);
  }
  const choices = settingLines(options);
  if (choices.length > 0) terminal.out('Options, for tessera generate --set NAME=VALUE:');
  for (const line of choices) terminal.out(`  ${line}`);
  return 0;
}

/** Counts whole, measures to four digits. */
function rounded(value: number): string {
  return value.toLocaleString('en', Number.isInteger(value) ? {} : { maximumSignificantDigits: 4 });
}

function facts({ manifest, facts: { layout } }: ModelOutline, folder: string): [string, string][] {
  const { kind, scale } = manifest.defaults.guidance;
  const off = guidanceOff(kind);
  const part = (key: 'tokenizer' | 'order' | 'backbone' | 'head') => manifest[key].plugin;
  return [
    ['about', manifest.description],
    ['parts', `${part('tokenizer')} + ${part('order')} + ${part('backbone')} + ${part('head')}`],
    ['classes', classList(manifest.classes)],
    [
      'tokens',
      `${layout.length}, in maps of ${layout.scales.map(({ height, width }) => `${height}x${width}`).join(', ')}`,
    ],
    ['guidance', off === null ? 'none' : `${kind} ${scale}; ${off} is none`],
    ['precision', manifest.defaults.precision ?? 'float32'],
    ['licence', manifest.licence],
    ['data', manifest.data],
    ...Object.entries(manifest.metrics ?? {}).map(([name, value]): [string, string] => [name, rounded(value)]),
    ['folder', folder],
    ...(existsSync(join(folder, 'README.md')) ? [['card', join(folder, 'README.md')] as [string, string]] : []),
  ];
}

/** Each with its number, which always chooses it; semicolons separate names that hold commas. */
function classList(classes: readonly string[]): string {
  const separator = classes.some((name) => name.includes(',')) ? '; ' : ', ';
  return classes.map((name, label) => (name === String(label) ? name : `${label} ${name}`)).join(separator);
}
