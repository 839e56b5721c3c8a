import { checkContract, type AnyPlugin, type PluginKind } from '@tessera/core';
import { printable, TesseraError } from '@tessera/errors';
import { shown } from './shown.ts';

/** The methods of each kind of plug-in, besides its configuration. */
const methods: Readonly<Record<PluginKind, readonly string[]>> = {
  tokenizer: ['describe', 'build'],
  order: ['options', 'build'],
  backbone: ['describe', 'build'],
  head: ['options', 'build'],
  condition: ['describe', 'input', 'build'],
  guidance: ['options', 'open'],
};

const facts: Partial<Record<PluginKind, { readonly field: string; readonly known: readonly string[] }>> = {
  order: { field: 'stride', known: ['scale', 'token', 'set', 'part'] },
  head: { field: 'space', known: ['discrete', 'continuous', 'factors'] },
};

/** Whether a value looks like a plug-in: it names one of the kinds. Its content is not checked. */
export function isPluginLike(given: unknown): boolean {
  return Object.hasOwn(methods, String((given as { kind?: unknown } | null | undefined)?.kind));
}

/**
 * Whether a value is a plug-in for this release. `where` it was found, as `plugins[2]`, stands in errors about a value
 * without a name. None of the plug-in's own code runs.
 * @throws TesseraError `part-malformed`, `part-name`, `part-contract`
 */
export function checkPlugin(given: unknown, where = 'plug-in'): asserts given is AnyPlugin {
  if (!isPluginLike(given)) malformed(where, described(given), 'a plug-in');
  const plugin = given as Record<string, unknown>;
  const kind = plugin['kind'] as PluginKind;
  checkName(plugin['name'], where);
  const name = plugin['name'] as string;
  checkHome(name, plugin['package']);
  checkContract({ name, contract: plugin['contract'] as number });
  const config = plugin['config'] as { parse?: unknown; json?: unknown } | undefined;
  if (typeof config?.parse !== 'function' || typeof config.json !== 'object') malformed(name, 'no config', 'a schema');
  checkMembers(kind, plugin, name);
}

/**
 * Whether a definition has the methods of its kind: plain JavaScript is not checked by types.
 * @throws TesseraError `part-malformed`, `part-name`
 */
export function checkDefinition(kind: PluginKind, given: unknown): void {
  const definer = `define${kind[0]!.toUpperCase()}${kind.slice(1)}`;
  if (typeof given !== 'object' || given === null) malformed(definer, described(given), `the definition of a ${kind}`);
  const definition = given as Record<string, unknown>;
  checkName(definition['name'], definer);
  const name = definition['name'] as string;
  if (kind !== 'guidance' && definition['config'] === undefined)
    malformed(name, `a ${kind} without config`, 'a schema, schema.object({}) of none');
  checkMembers(kind, definition, name);
}

function checkMembers(kind: PluginKind, plugin: Record<string, unknown>, name: string): void {
  for (const method of methods[kind]) {
    if (typeof plugin[method] !== 'function') malformed(name, `a ${kind} without ${method}()`, `a ${kind} with it`);
  }
  if (kind === 'head' && plugin['space'] === 'factors' && plugin['contract'] === 1)
    malformed(name, "space = 'factors' in contract 1", 'contract 2, to which tokens of factors belong');
  if (kind === 'order' && plugin['stride'] === 'part' && plugin['contract'] === 1)
    malformed(name, "stride = 'part' in contract 1", 'contract 2, to which parts of scales belong');
  if (kind === 'order' && plugin['revisits'] && plugin['contract'] === 1)
    malformed(name, 'revisits in contract 1', 'contract 2, to which steps that draw tokens again belong');
  checkMixes(kind, plugin, name);
  const fact = facts[kind];
  if (fact === undefined || fact.known.includes(plugin[fact.field] as string)) return;
  malformed(name, `${fact.field} = ${short(plugin[fact.field])}`, fact.known.join(' or '));
}

const predictions = ['logits', 'noise', 'velocity'];

/** What a head lets guidances mix, and what a guidance mixes: of contract 2. */
function checkMixes(kind: PluginKind, { mixes, contract }: Record<string, unknown>, name: string): void {
  if (kind === 'guidance' && contract !== 2) malformed(name, `a guidance of contract ${short(contract)}`, 'contract 2');
  if (mixes === undefined || (kind !== 'head' && kind !== 'guidance')) return;
  if (contract === 1) malformed(name, `mixes = ${short(mixes)} in contract 1`, 'contract 2, to which mixtures belong');
  const said: unknown[] = kind === 'head' ? [mixes] : Array.isArray(mixes) && mixes.length > 0 ? mixes : [mixes];
  const wrong = said.find((one) => !predictions.includes(one as string));
  if (wrong !== undefined || (kind === 'guidance' && !Array.isArray(mixes)))
    malformed(name, `mixes = ${short(mixes)}`, `${kind === 'head' ? '' : 'a list of '}${predictions.join(' or ')}`);
}

/** Model folders name plug-ins: where one is missing, the error must say what to install. */
export function checkHome(name: string, from: unknown): void {
  if (from === undefined ? name.includes('/') : typeof from === 'string' && from !== '') return;
  throw new TesseraError({
    code: 'part-name',
    who: name,
    got: from === undefined ? `a plug-in named ${name}, of no package` : `package = ${short(from)}`,
    expected: `a name with the scope of its package, as @acme/${name}, or the field package`,
    next: 'Rename it, or say which package of npm it comes from.',
  });
}

function malformed(who: string, got: string, expected: string): never {
  const next =
    'Make it with defineTokenizer, defineOrder, defineBackbone, defineHead, defineCondition or defineGuidance.';
  throw new TesseraError({ code: 'part-malformed', who, got, expected, next });
}

/** The value in place of a plug-in. */
function described(given: unknown): string {
  if (given instanceof Promise) return 'a promise (await it, or name its module as a string)';
  if (typeof given !== 'object' || given === null) return short(given);
  const { kind } = given as { readonly kind?: unknown };
  if (kind !== undefined) return `a value of kind ${short(kind)}`;
  return `${short(given)}${Object.keys(given).length === 0 ? '' : ', without kind'}`;
}

/** A value in at most 60 characters. */
function short(value: unknown): string {
  return printable(shown(value), 60);
}

/** As npm has it. */
const longest = 214;
const word = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
const pattern = new RegExp(`^(?:@${word}/)?${word}$`);

/**
 * Names are what model folders know plug-ins by: lower-case words with hyphens, and those of other packages begin with
 * their scope, as `@acme/gaussian`. `who` stands in the error where there is no name.
 * @throws TesseraError `part-name`
 */
export function checkName(name: unknown, who = 'plug-in'): void {
  if (typeof name === 'string' && name.length <= longest && pattern.test(name)) return;
  throw new TesseraError({
    code: 'part-name',
    who: typeof name === 'string' && name !== '' ? name : who,
    got: name === undefined ? 'a plug-in without a name' : `a plug-in named ${short(name)}`,
    expected: 'lower-case words with hyphens, after the scope of its package if it has one: @acme/gaussian',
    next: 'Rename it.',
  });
}
