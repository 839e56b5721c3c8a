import { checkContract, type FeatureNetworkPlugin } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { checkHome, checkName } from './check-plugin.ts';
import { shown } from './shown.ts';

/** A feature network as its author writes it. */
export type FeatureNetworkDefinition = Omit<FeatureNetworkPlugin, 'kind'>;

/**
 * A network that images are measured with, and tokenizers trained with. Its name has the scope of its package, as
 * `@acme/clip`.
 * @throws TesseraError `part-malformed`, `part-name`
 */
export function defineFeatureNetwork(definition: FeatureNetworkDefinition): FeatureNetworkPlugin {
  const plugin = { ...definition, kind: 'feature-network' } as const;
  checkMembers(plugin, 'defineFeatureNetwork');
  return plugin;
}

/** Whether a value looks like a feature network; one that throws when it is read does not. Its content is not checked. */
export function isFeatureNetworkLike(given: unknown): boolean {
  try {
    return (given as { kind?: unknown } | null | undefined)?.kind === 'feature-network';
  } catch {
    return false;
  }
}

/**
 * Whether a value is a feature network for this release. None of its own code runs.
 * @throws TesseraError `part-malformed`, `part-name`, `part-contract`
 */
export function checkFeatureNetwork(given: unknown, where: string): asserts given is FeatureNetworkPlugin {
  checkMembers(given as FeatureNetworkPlugin, where);
  const { name, package: from, contract } = given as FeatureNetworkPlugin;
  checkHome(name, from);
  checkContract({ name, contract });
}

function checkMembers(plugin: FeatureNetworkPlugin, where: string): void {
  const { name, licence, dims, classCount, open } = plugin;
  checkName(name, where);
  const wrong = (got: string, expected: string): TesseraError =>
    new TesseraError({ code: 'part-malformed', who: name, got, expected, next: 'Make it with defineFeatureNetwork.' });
  if (typeof licence !== 'string' || licence === '') throw wrong(`licence = ${shown(licence)}`, 'words, or "unknown"');
  if (!Number.isSafeInteger(dims) || dims < 1) throw wrong(`dims = ${shown(dims)}`, 'the number of its features');
  if (!Number.isSafeInteger(classCount) || classCount < 0) {
    throw wrong(`classCount = ${shown(classCount)}`, 'the number of its classes, 0 for none');
  }
  if (typeof open !== 'function') throw wrong('a feature network without open()', 'one with it');
}
