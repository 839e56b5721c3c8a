import type { AnyPlugin } from '../define/any-plugin.ts';
import { backboneCases } from './backbone/backbone-cases.ts';
import type { Case } from './case.ts';
import { commonCases } from './common-cases.ts';
import { headCases } from './head/head-cases.ts';
import { trialOf, type CasesOptions, type Trial } from './options.ts';
import { orderCases } from './order/order-cases.ts';
import { tokenizerCases } from './tokenizer/tokenizer-cases.ts';

/**
 * Everything that a plug-in must hold to, as named checks for any test framework:
 * `for (const { name, run } of cases(plugin, { config })) it(name, run)`. Parts are tried alone, with made-up
 * tokens, hidden states and confidence.
 */
export function cases(plugin: AnyPlugin, options: CasesOptions = {}): readonly Case[] {
  const trial = trialOf(options);
  return [...commonCases(plugin, trial), ...kindCases(plugin, trial)];
}

function kindCases(plugin: AnyPlugin, trial: Trial): readonly Case[] {
  if (plugin.kind === 'head') return headCases(plugin, trial);
  if (plugin.kind === 'order') return orderCases(plugin, trial);
  if (plugin.kind === 'backbone') return backboneCases(plugin, trial);
  return tokenizerCases(plugin, trial);
}
