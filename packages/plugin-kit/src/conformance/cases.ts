import { isTesseraError } from '@tessera/errors';
import { performance } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import { backboneCases } from './backbone/backbone-cases.ts';
import { caseOf, type Case, type Property } from './case.ts';
import { headCases } from './head/head-cases.ts';
import { trialOf, type CasesOptions, type Trial } from './options.ts';
import { conditionCases } from './condition/condition-cases.ts';
import { guidanceCases } from './guidance/guidance-cases.ts';
import { orderCases } from './order/order-cases.ts';
import { ownCases } from './own/own-cases.ts';
import { tokenizerCases } from './tokenizer/tokenizer-cases.ts';
import type { AnyPlugin, PluginKind } from '@tessera/core';
import { checkPlugin } from '../define/check-plugin.ts';

/**
 * All checks of a plug-in, for any test framework: `for (const { name, run } of cases(plugin, { config })) it(name,
 * run)`. Parts are tried alone, with synthetic tokens, hidden states and confidence.
 */
export function cases(plugin: AnyPlugin, options: CasesOptions = {}): readonly Case[] {
  const trial = trialOf(options);
  return [...commonCases(plugin, trial), ...kindCases(plugin, trial), ...ownCases(plugin, trial)];
}

function kindCases(plugin: AnyPlugin, trial: Trial): readonly Case[] {
  if (plugin.kind === 'head') return headCases(plugin, trial);
  if (plugin.kind === 'order') return orderCases(plugin, trial);
  if (plugin.kind === 'backbone') return backboneCases(plugin, trial);
  if (plugin.kind === 'condition') return conditionCases(plugin, trial);
  if (plugin.kind === 'guidance') return guidanceCases(plugin, trial);
  return tokenizerCases(plugin, trial);
}

/** Checks of all kinds of plug-ins. */
function commonCases(plugin: AnyPlugin, { config, limit }: Trial): Case[] {
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

/** How one case ended. */
export interface CaseReport {
  /** Stable: cases of two reports are compared by it. */
  readonly id: string;
  readonly name: string;
  readonly property: Property;
  readonly on: string | null;
  readonly ok: boolean;
  /** What is wrong; null where nothing is. */
  readonly message: string | null;
  readonly ms: number;
}

/** The result of all checks of a plug-in: plain JSON. */
export interface Report {
  readonly plugin: string;
  readonly kind: PluginKind;
  readonly ok: boolean;
  readonly cases: readonly CaseReport[];
}

/** Runs all cases, one after the other: `console.log(JSON.stringify(await report(plugin)))`. */
export async function report(plugin: AnyPlugin, options: CasesOptions = {}): Promise<Report> {
  const done: CaseReport[] = [];
  for (const { id, name, property, on, run } of cases(plugin, options)) {
    const start = performance.now();
    const message = await run().then(
      () => null,
      (error: unknown) => {
        if (isTesseraError(error)) return error.message;
        throw error;
      },
    );
    const ms = Math.round(performance.now() - start);
    done.push({ id, name, property, on, ok: message === null, message, ms });
  }
  return { plugin: plugin.name, kind: plugin.kind, ok: done.every(({ ok }) => ok), cases: done };
}
