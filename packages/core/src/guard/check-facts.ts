import { TesseraError } from '@tessera/errors';
import type { Reads } from '../contracts.ts';
import type { BackboneFacts, TokenizerFacts } from '../plugin.ts';

const reads: readonly Reads[] = ['estimate', 'known', 'last'];

/** What `describe` of a tokenizer must say. @throws TesseraError `part-misdescribed`, `layout-broken` */
export function checkTokenizerFacts(name: string, { space, layout, serves }: TokenizerFacts): void {
  const ask = asker(name);
  ask(['discrete', 'continuous'].includes(space?.kind), `space.kind = ${shown(space?.kind)}`, 'discrete or continuous');
  ask(isCount(space.channels), `space.channels = ${shown(space.channels)}`, 'a positive integer');
  if (space.kind === 'discrete') {
    ask(isCount(space.vocabulary), `space.vocabulary = ${shown(space.vocabulary)}`, 'a positive integer');
  }
  ask(Array.isArray(layout?.scales), `layout.scales = ${shown(layout?.scales)}`, 'a list of scales');
  for (const [index, { height, width }] of layout.scales.entries()) {
    const at = `layout.scales[${index}] of ${shown(height)} x ${shown(width)}`;
    ask(isCount(height) && isCount(width), at, 'positive integers');
  }
  const known = Array.isArray(serves) && serves.length > 0 && serves.every((one) => reads.includes(one));
  ask(known, `serves = ${shown(serves)}`, `some of ${reads.join(', ')}`);
  checkCover(name, { space, layout, serves });
}

/** What `describe` of a backbone must say. @throws TesseraError `part-misdescribed` */
export function checkBackboneFacts(name: string, facts: BackboneFacts): void {
  const ask = asker(name);
  ask(isCount(facts.width), `width = ${shown(facts.width)}`, 'a positive integer');
  ask(isCount(facts.classes), `classes = ${shown(facts.classes)}`, 'a positive integer');
  ask(reads.includes(facts.reads), `reads = ${shown(facts.reads)}`, `one of ${reads.join(', ')}`);
  ask(typeof facts.remembers === 'boolean', `remembers = ${shown(facts.remembers)}`, 'true or false');
}

function checkCover(who: string, { layout: { length, scales } }: TokenizerFacts): void {
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

function asker(who: string): (holds: boolean, got: string, expected: string) => void {
  return (holds, got, expected) => {
    if (holds) return;
    const next = `Correct describe() of ${who}, or exchange the part.`;
    throw new TesseraError({ code: 'part-misdescribed', who, got, expected, next });
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? String(value);
}
