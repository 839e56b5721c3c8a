import { TesseraError, type ErrorParts } from '@tessera/errors';
import { schema } from '@tessera/schema';
import { bindCondition, bindLabels, type ConditionSpace } from './condition.ts';
import type { BoundBackbone } from './contracts.ts';
import { disposedAfter } from './dispose.ts';
import { spaceFor } from './factors.ts';
import {
  checkContract,
  type BackboneDims,
  type BackbonePlugin,
  type ConditionFacts,
  type ConditionPlugin,
} from './plugin.ts';
import type { BuildContext, Weights } from './weights.ts';

/* A backbone is built together with its condition: the part that the model names, or else the backbone's own. */

/** A backbone with its configuration, which its schema has read, and the condition that the model names, which none has. */
export interface BackboneParts {
  readonly plugin: BackbonePlugin;
  readonly config: unknown;
  readonly condition?: { readonly plugin: ConditionPlugin; readonly config: unknown } | undefined;
}

interface ChosenCondition {
  /** What requests may say. */
  readonly space: ConditionSpace;
  /** The part, with its configuration read; null for backbones of contract 1, which embed classes by themselves. */
  readonly chosen: { readonly plugin: ConditionPlugin; readonly config: unknown } | null;
  /** What the part says about itself; null as `chosen`. */
  readonly facts: ConditionFacts | null;
}

/**
 * The condition of a backbone.
 * @throws TesseraError `condition-twice`, `condition-missing`, `condition-forms`, `part-kind`, `part-contract`, and what its
 * schema throws
 */
export function conditionOf({ plugin: backbone, config, condition: given }: BackboneParts): ChosenCondition {
  if (backbone.contract === 1) {
    if (given) throw unwanted(given.plugin.name, backbone.name);
    const { classes } = backbone.describe(config).condition;
    const input = schema.integer({ min: 0, max: classes - 1 });
    return { space: { name: backbone.name, classes, input }, chosen: null, facts: null };
  }
  const { forms, own } = backbone.describe(config).condition;
  if (given && own) throw unwanted(given.plugin.name, backbone.name);
  const { plugin, config: unread } = given ?? own ?? refuse(missing(backbone.name, forms));
  checkIsCondition(plugin);
  const read = plugin.config.parse(unread, plugin.name);
  const facts = plugin.describe(read);
  if (forms.length !== facts.forms.length || !forms.every((form) => facts.forms.includes(form))) {
    refuse({
      code: 'condition-forms',
      got: `the condition ${plugin.name}, which gives ${listed(facts.forms)}`,
      expected: `one that gives ${listed(forms)}, as the backbone ${backbone.name} takes it`,
      next: 'Exchange the condition or the backbone, or change the config of one.',
    });
  }
  const { name } = given ? plugin : backbone;
  return {
    space: { name, classes: facts.classes, input: plugin.input(read) },
    chosen: { plugin, config: read },
    facts,
  };
}

/**
 * Builds a backbone and its condition. The parameters of a condition that the model names lie among the backbone's as
 * `condition.NAME`; its own have names of the backbone's choice.
 * @throws TesseraError as `conditionOf`, and what the parts throw
 */
export function buildBackbone(
  parts: BackboneParts,
  { layout, space: given, trained }: BackboneDims,
  context: BuildContext,
): BoundBackbone {
  const { plugin, config } = parts;
  const dims = { layout, space: spaceFor(plugin, given), ...(trained && { trained }) };
  const { space, chosen } = conditionOf(parts);
  if (plugin.contract === 1) return bindLabels(plugin.build(config, dims, context), space);
  const { width } = plugin.describe(config).condition;
  const weights = parts.condition ? prefixed(context.weights, 'condition.') : context.weights;
  const condition = { width, layout };
  const part = chosen!.plugin.build(chosen!.config, condition, { engine: context.engine, weights });
  try {
    return bindCondition(plugin.build(config, dims, context), { space, part }, context.engine);
  } catch (error) {
    throw disposedAfter(error, [part]);
  }
}

function prefixed(weights: Weights, prefix: string): Weights {
  return {
    has: (name) => weights.has(prefix + name),
    param: (name, shape, spec) => weights.param(prefix + name, shape, spec),
  };
}

function checkIsCondition(plugin: ConditionPlugin): void {
  if (plugin.kind !== 'condition') {
    refuse({
      code: 'part-kind',
      got: `the ${String(plugin.kind)} ${String((plugin as ConditionPlugin).name)} in the place of the condition`,
      expected: 'a condition',
      next: 'Exchange the condition.',
    });
  }
  checkContract(plugin);
}

function listed(forms: readonly string[]): string {
  return forms.map((form) => `a ${form}`).join(' and ') || 'nothing';
}

function unwanted(condition: string, backbone: string): TesseraError {
  return new TesseraError({
    code: 'condition-twice',
    who: 'compose',
    got: `the condition ${condition} beside the backbone ${backbone}, which has classes of its own`,
    expected: 'one condition',
    next: 'Remove the condition, or the classes of the backbone.',
  });
}

function missing(backbone: string, forms: readonly string[]): Omit<ErrorParts, 'who'> {
  return {
    code: 'condition-missing',
    got: `no condition for the backbone ${backbone}`,
    expected: `one that gives ${listed(forms)}`,
    next: 'Name a condition, or give the backbone classes.',
  };
}

function refuse(parts: Omit<ErrorParts, 'who'>): never {
  throw new TesseraError({ who: 'compose', ...parts });
}
