import type {
  BackboneFacts,
  BackbonePlugin,
  ConditionedFacts,
  ConditionFacts,
  ConditionForm,
  ConditionPlugin,
  Layout,
  Reads,
  SpaceShape,
  TokenizerFacts,
  TokenizerPlugin,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { callPart, type PartCall } from './part-call.ts';

const kinds: readonly SpaceShape['kind'][] = ['discrete', 'continuous', 'factors'];
const reads: readonly Reads[] = ['estimate', 'known', 'last', 'scale'];
const forms: readonly ConditionForm[] = ['vector', 'sequence', 'map'];

/** What a tokenizer says about itself, checked. @throws TesseraError `part-failed`, `part-misdescribed`, `layout-broken` */
export function tokenizerFacts(plugin: TokenizerPlugin, config: unknown): TokenizerFacts {
  const part = { name: plugin.name, call: 'describe()' };
  const facts = callPart(part, () => plugin.describe(config));
  checkTokenizerFacts(part, facts);
  const fits = facts.space.kind !== 'factors' || plugin.contract > 1;
  asker(part)(fits, "space.kind = 'factors' in contract 1", 'contract 2, to which tokens of factors belong');
  return facts;
}

/** The same for a backbone. @throws TesseraError `part-failed`, `part-misdescribed` */
export function backboneFacts<P extends BackbonePlugin>(plugin: P, config: unknown): ReturnType<P['describe']> {
  const part = { name: plugin.name, call: 'describe()' };
  const facts = callPart(part, () => plugin.describe(config)) as ReturnType<P['describe']>;
  callPart(part, () => {
    checkBackboneFacts(part, facts);
    const fits = facts.reads !== 'scale' || plugin.contract > 1;
    asker(part)(fits, "reads = 'scale' in contract 1", 'contract 2, to which it belongs');
    if (plugin.contract === 1) checkClasses(part, facts as BackboneFacts);
    else checkTaken(part, facts as ConditionedFacts);
  });
  return facts;
}

/** The same for a condition. @throws TesseraError `part-failed`, `part-misdescribed` */
export function conditionFacts(plugin: ConditionPlugin, config: unknown): ConditionFacts {
  const part = { name: plugin.name, call: 'describe()' };
  const facts = callPart(part, () => plugin.describe(config));
  callPart(part, () => {
    const ask = asker(part);
    const { classes } = facts ?? {};
    ask(areForms(facts?.forms), `forms = ${shown(facts?.forms)}`, `some of ${forms.join(', ')}, each once`);
    ask(classes === null || isCount(classes), `classes = ${shown(classes)}`, 'a positive integer, or null');
  });
  return facts;
}

/** @throws TesseraError `part-misdescribed`, `layout-broken` */
export function checkTokenizerFacts(part: PartCall, facts: TokenizerFacts): void {
  callPart(part, () => checkTokens(part, facts));
}

function checkTokens(part: PartCall, facts: TokenizerFacts): void {
  const ask = asker(part);
  const { space, layout, serves } = facts ?? {};
  ask(kinds.includes(space?.kind), `space.kind = ${shown(space?.kind)}`, kinds.join(' or '));
  ask(isCount(space.channels), `space.channels = ${shown(space.channels)}`, 'a positive integer');
  if (space.kind === 'discrete') {
    ask(isCount(space.vocabulary), `space.vocabulary = ${shown(space.vocabulary)}`, 'a positive integer');
  }
  if (space.kind === 'factors') checkFactors(ask, space);
  ask(Array.isArray(layout?.scales), `layout.scales = ${shown(layout?.scales)}`, 'a list of scales');
  for (const [index, scale] of layout.scales.entries()) {
    const { height, width } = scale ?? {};
    const at = `layout.scales[${index}] of ${shown(height)} x ${shown(width)}`;
    ask(isCount(height) && isCount(width), at, 'positive integers');
  }
  const known = Array.isArray(serves) && serves.length > 0 && serves.every((one) => reads.includes(one));
  ask(known, `serves = ${shown(serves)}`, `some of ${reads.join(', ')}`);
  checkCover(part, layout);
}

type Ask = ReturnType<typeof asker>;

function checkFactors(ask: Ask, { factors, channels }: Extract<SpaceShape, { kind: 'factors' }>): void {
  ask(Array.isArray(factors) && factors.length > 0, `space.factors = ${shown(factors)}`, 'a list of factors');
  for (const [f, factor] of factors.entries()) {
    const whole = isCount(factor?.channels) && isCount(factor.levels) && factor.levels > 1;
    ask(whole, `space.factors[${f}] = ${shown(factor)}`, 'two levels or more, and a channel or more');
  }
  const sum = factors.reduce((total, one) => total + one.channels, 0);
  ask(sum === channels, `space.factors of ${sum} channels together`, `${channels}, as space.channels says`);
}

function checkClasses(part: PartCall, { condition }: BackboneFacts): void {
  const ask = asker(part);
  ask(condition?.kind === 'class', `condition.kind = ${shown(condition?.kind)}`, 'class');
  ask(isCount(condition.classes), `condition.classes = ${shown(condition.classes)}`, 'a positive integer');
}

function checkTaken(part: PartCall, { condition }: ConditionedFacts): void {
  const ask = asker(part);
  const { forms: taken, width, own } = condition ?? {};
  ask(areForms(taken), `condition.forms = ${shown(taken)}`, `some of ${forms.join(', ')}, each once`);
  ask(isCount(width), `condition.width = ${shown(width)}`, 'a positive integer');
  ask(own === null || own?.plugin?.kind === 'condition', 'condition.own that is no condition', 'a condition, or null');
}

function areForms(given: unknown): boolean {
  return Array.isArray(given) && given.every((one) => forms.includes(one)) && new Set(given).size === given.length;
}

function checkBackboneFacts(part: PartCall, facts: BackboneFacts | ConditionedFacts): void {
  const ask = asker(part);
  const { width, reads: read, remembers, endsGuidance, anySize } = facts ?? {};
  ask(isCount(width), `width = ${shown(width)}`, 'a positive integer');
  ask(reads.includes(read), `reads = ${shown(read)}`, `one of ${reads.join(', ')}`);
  ask(typeof remembers === 'boolean', `remembers = ${shown(remembers)}`, 'true or false');
  ask([true, false, undefined].includes(endsGuidance), `endsGuidance = ${shown(endsGuidance)}`, 'true or false');
  ask([true, false, undefined].includes(anySize), `anySize = ${shown(anySize)}`, 'true or false');
}

function checkCover({ name: who }: PartCall, { length, scales }: Layout): void {
  let start = 0;
  for (const scale of scales) {
    if (scale.start !== start) break;
    start += scale.height * scale.width;
  }
  if (start === length && length > 0) return;
  throw new TesseraError({
    code: 'layout-broken',
    who,
    got: `a layout of ${length} tokens whose scales cover ${start} without a gap`,
    expected: 'scales that follow each other and cover every token',
    next: `Correct or exchange the tokenizer ${who}.`,
  });
}

function asker({ name: who, call }: PartCall): (holds: boolean, got: string, expected: string) => void {
  return (holds, got, expected) => {
    if (holds) return;
    const next = `Correct ${call} of ${who}, or exchange the part.`;
    throw new TesseraError({ code: 'part-misdescribed', who, got, expected, next });
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? String(value);
}
