import { isDeepStrictEqual } from 'node:util';
import { checkPlugin, type AnyPlugin } from '../define/any-plugin.ts';
import { caseOf, type Case } from './case.ts';
import type { Trial } from './options.ts';

/** What plug-ins of all kinds hold to. */
export function commonCases(plugin: AnyPlugin, { config, limit }: Trial): Case[] {
  const { name, config: schema } = plugin;
  return [
    caseOf({ plugin, property: 'contract', on: null, limit }, async () => {
      checkPlugin(plugin);
      return null;
    }),
    caseOf({ plugin, property: 'config', on: null, limit }, async () => {
      const once = schema.parse(config, name);
      const text = JSON.stringify(once);
      if (!isDeepStrictEqual(schema.parse(JSON.parse(text), name), schema.parse(once, name))) {
        return `another configuration than ${text}`;
      }
      JSON.stringify(schema.json);
      return refusesUnknown(plugin, once);
    }),
  ];
}

function refusesUnknown({ config, name }: AnyPlugin, given: unknown): string | null {
  try {
    config.parse({ ...(given as object), 'no such field': 1 }, name);
  } catch {
    return null;
  }
  return 'a configuration with an unknown field, which was taken in silence';
}
