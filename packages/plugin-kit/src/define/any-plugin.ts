import { printable, TesseraError } from '@tessera/errors';
import {
  type BackbonePlugin,
  checkContract,
  type HeadPlugin,
  type OrderPlugin,
  type TokenizerPlugin,
} from '@tessera/core';
import { checkName } from './plugin-name.ts';
import { shown as shownWhole } from './shown.ts';

export type AnyPlugin = TokenizerPlugin | OrderPlugin | BackbonePlugin | HeadPlugin;
export type PluginKind = AnyPlugin['kind'];

/** What a plug-in of each kind answers, besides its configuration. */
const methods: Readonly<Record<PluginKind, readonly string[]>> = {
  tokenizer: ['describe', 'build'],
  order: ['options', 'build'],
  backbone: ['describe', 'build'],
  head: ['options', 'build'],
};

const facts: Partial<Record<PluginKind, { readonly field: string; readonly known: readonly string[] }>> = {
  order: { field: 'stride', known: ['scale', 'token', 'set'] },
  head: { field: 'space', known: ['discrete', 'continuous'] },
};

/** Whether a value has the form of a plug-in: one of the four kinds. What it says is not checked. */
export function isPluginLike(given: unknown): boolean {
  return Object.hasOwn(methods, String((given as { kind?: unknown } | null | undefined)?.kind));
}

/**
 * Whether a value that somebody hands in is a plug-in for this release; `where` it stands, as `plugins[2]`, is who
 * complains of a value that has no name. None of its own code runs.
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
 * Whether a definition, which plain JavaScript may write too, has what its kind answers.
 * @throws TesseraError `part-malformed`, `part-name`
 */
export function checkDefinition(kind: PluginKind, given: unknown): void {
  const definer = `define${kind[0]!.toUpperCase()}${kind.slice(1)}`;
  if (typeof given !== 'object' || given === null) malformed(definer, described(given), `the definition of a ${kind}`);
  const definition = given as Record<string, unknown>;
  checkName(definition['name'], definer);
  const name = definition['name'] as string;
  if (definition['config'] === undefined)
    malformed(name, `a ${kind} without config`, 'a schema, schema.object({}) of none');
  checkMembers(kind, definition, name);
}

function checkMembers(kind: PluginKind, plugin: Record<string, unknown>, name: string): void {
  for (const method of methods[kind]) {
    if (typeof plugin[method] !== 'function') malformed(name, `a ${kind} without ${method}()`, `a ${kind} with it`);
  }
  const fact = facts[kind];
  if (fact === undefined || fact.known.includes(plugin[fact.field] as string)) return;
  malformed(name, `${fact.field} = ${shown(plugin[fact.field])}`, fact.known.join(' or '));
}

/** Model folders name plug-ins: who opens one elsewhere must learn what to install. */
function checkHome(name: string, from: unknown): void {
  if (from === undefined ? name.includes('/') : typeof from === 'string' && from !== '') return;
  throw new TesseraError({
    code: 'part-name',
    who: name,
    got: from === undefined ? `a plug-in named ${name}, of no package` : `package = ${shown(from)}`,
    expected: `a name with the scope of its package, as @acme/${name}, or the field package`,
    next: 'Rename it, or say which package of npm it comes from.',
  });
}

function malformed(who: string, got: string, expected: string): never {
  const next = 'Make it with defineTokenizer, defineOrder, defineBackbone or defineHead.';
  throw new TesseraError({ code: 'part-malformed', who, got, expected, next });
}

/** What stands in the place of a plug-in. */
function described(given: unknown): string {
  if (given instanceof Promise) return 'a promise (await it, or name its module as a string)';
  if (typeof given !== 'object' || given === null) return shown(given);
  const { kind } = given as { readonly kind?: unknown };
  if (kind !== undefined) return `a value of kind ${shown(kind)}`;
  return `${shown(given)}${Object.keys(given).length === 0 ? '' : ', without kind'}`;
}

function shown(value: unknown): string {
  return printable(shownWhole(value), 60);
}
