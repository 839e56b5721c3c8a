import { flag, type Arguments } from '@tessera/command-line';
import { nearestName } from '@tessera/schema';
import { printable, TesseraError } from '@tessera/errors';
import { findConfig, listPlugins, loadPlugins, type PluginFacts } from '@tessera/models';
import { settingLines } from '../common-options.ts';
import { sayProblems } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = { json: flag('print one JSON object, with the JSON Schemas of config and options') };

export const plugins: Command<typeof options> = {
  positionals: { usage: '[NAME]', least: 0, most: 1 },
  options,
  examples: ['tessera plugins', 'tessera plugins diffusion', 'tessera plugins --json'],
  run,
};

/** Exits with 1 where a plug-in of the project was left out. */
async function run({ positionals: [name], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { file, plugins: extra, problems } = await loadPlugins(findConfig());
  const all = listPlugins(extra);
  const shown = name === undefined ? all : named(name, all);
  if (values.json) terminal.out(JSON.stringify({ config: file, plugins: shown, problems }));
  else if (name === undefined) for (const line of table(shown)) terminal.out(line);
  else for (const line of shown.flatMap(page)) terminal.out(line);
  sayProblems(problems, terminal);
  return problems.length > 0 ? 1 : 0;
}

function named(name: string, all: readonly PluginFacts[]): readonly PluginFacts[] {
  const found = all.filter((plugin) => plugin.name === name);
  if (found.length > 0) return found;
  const names = all.map((plugin) => plugin.name);
  const near = nearestName(name, names);
  throw new TesseraError({
    code: 'plugin-unknown',
    who: 'tessera plugins',
    got: `the plug-in ${name}`,
    expected: `one of ${names.join(', ')}`,
    next: near === null ? 'List it in tessera.config.ts.' : `Did you mean ${near}?`,
  });
}

function table(plugins: readonly PluginFacts[]): string[] {
  const width = Math.max(...plugins.map(({ name }) => name.length));
  return plugins.map((plugin) => {
    const { kind, name, contract } = plugin;
    return `${kind.padEnd(9)}  ${name.padEnd(width)}  ${traitOf(plugin).padEnd(13)}  contract ${contract}  ${packageOf(plugin)}`;
  });
}

/** What a head predicts, or what a step of an order is. */
function traitOf({ space, stride }: PluginFacts): string {
  if (stride !== null) return `by the ${stride}`;
  return space ?? '';
}

function packageOf({ package: from, version }: PluginFacts): string {
  if (from === null) return 'without a package';
  return version === null ? from : `${from} ${version}`;
}

function page(plugin: PluginFacts): string[] {
  const { kind, name, contract, config, options } = plugin;
  const trait = traitOf(plugin);
  const indented = (lines: readonly string[]) => (lines.length > 0 ? lines : ['nothing']).map((line) => `    ${line}`);
  return [
    `${name}: ${kind === 'order' ? 'an' : 'a'} ${kind}${trait === '' ? '' : ` (${trait})`} for contract ${contract}, ${packageOf(plugin)}`,
    ...judgement(plugin),
    '  config, in a recipe or model.json:',
    ...indented(settingLines(config)),
    ...(options === null ? [] : ['  options of a request:', ...indented(settingLines(options))]),
  ];
}

/** What its package reports, where it reports anything. */
function judgement({ conformance, version: installed }: PluginFacts): string[] {
  if (!conformance) return [];
  const { cases, failed, kit, version } = conformance;
  const of = version === installed || version === null ? '' : ` of its version ${printable(version, 40)}`;
  const passed = `  its package reports${of}: ${cases - failed.length} of ${cases} cases of the conformance kit ${printable(kit, 40)} passed`;
  return [failed.length === 0 ? passed : `${passed}; failed: ${printable(failed.join(', '), 400)}`];
}
