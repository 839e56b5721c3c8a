import { TesseraError } from '@tessera/errors';
import type { BackbonePlugin, HeadPlugin, OrderPlugin, TokenizerPlugin } from '../plugin.ts';
import { checkContract } from './plugin-contract.ts';
import { checkName } from './plugin-name.ts';

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

/**
 * Whether a value that somebody hands in is a plug-in for this release. None of its own code runs.
 * @throws TesseraError `part-malformed`, `part-name`, `part-contract`
 */
export function checkPlugin(given: unknown): asserts given is AnyPlugin {
  const plugin = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const named = typeof plugin['name'] === 'string' ? plugin['name'] : 'plug-in';
  const kind = plugin['kind'] as PluginKind;
  if (!Object.hasOwn(methods, kind)) malformed(named, `a value of kind ${shown(plugin['kind'])}`, 'a plug-in');
  checkName(plugin['name'] as string);
  checkContract({ name: named, contract: plugin['contract'] as number });
  const config = plugin['config'] as { parse?: unknown; json?: unknown } | undefined;
  if (typeof config?.parse !== 'function' || typeof config.json !== 'object') malformed(named, 'no config', 'a schema');
  for (const method of methods[kind]) {
    if (typeof plugin[method] !== 'function') malformed(named, `a ${kind} without ${method}()`, `a ${kind} with it`);
  }
  const { field, known } = facts[kind] ?? { field: 'kind', known: [kind] };
  const value = plugin[field] as string;
  if (!known.includes(value)) malformed(named, `${field} = ${shown(value)}`, known.join(' or '));
}

function malformed(who: string, got: string, expected: string): never {
  const next = 'Make it with defineTokenizer, defineOrder, defineBackbone or defineHead.';
  throw new TesseraError({ code: 'part-malformed', who, got, expected, next });
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 60) ?? String(value);
}
