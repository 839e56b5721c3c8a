import { TesseraError } from '@tessera/errors';
import type { Guidance } from './guidance-part.ts';
import type { Step } from './tokens.ts';
import { nearestName } from '@tessera/schema';

export type GuidanceKind = 'none' | 'ramp' | 'linear' | 'constant';

/** The largest scale: far beyond it, the mixture of logits leaves the range of float32. */
export const mostGuidance = 100;

/** Guidance as a model folder or a request writes it. */
export interface GuidanceSpec {
  readonly kind: GuidanceKind;
  /** In the kind's own scale, 0 to 100: cfg of the ramp (0 = no guidance), the weight of the others (1 = no guidance). */
  readonly scale: number;
}

/** Conditional rows only. */
export const noGuidance: Guidance = { kind: 'classifier-free', active: false, saves: false, weight: () => 1 };

/** VAR (section 3.2, its code's `cfg`): w grows from 1 at the first step to 1 + cfg at the last; 1 if there is only one. */
export function rampGuidance(cfg: number): Guidance {
  return {
    kind: 'classifier-free',
    active: cfg !== 0,
    saves: false,
    weight: ({ index, of }) => 1 + (cfg * index) / Math.max(1, of - 1),
  };
}

/** The same weight at every step. */
export function constantGuidance(scale: number): Guidance {
  return { kind: 'classifier-free', active: scale !== 1, saves: false, weight: () => scale };
}

/** MAR (appendix B of arXiv 2406.11838): w grows with the share of tokens that are known after the step. */
export function linearGuidance(scale: number): Guidance {
  return {
    kind: 'classifier-free',
    active: scale !== 1,
    saves: false,
    weight: ({ after }, { length }) => 1 + ((scale - 1) * (length - Math.max(1, after))) / length,
  };
}

/**
 * The same guidance, but none in the first `from` of the steps, a share, and none after the first `until` of them: there w is
 * 1, and half of the rows are saved. From 0 until 1 changes nothing. Where the rollout remembers, `from` must be 0.
 */
export function guidanceWithin(guidance: Guidance, { from, until }: Record<'from' | 'until', number>): Guidance {
  if (from === 0 && until === 1) return guidance;
  const ended = (step: Step) => step.index >= until * step.of || guidance.ended?.(step) === true;
  return {
    kind: 'classifier-free',
    active: guidance.active && until > 0,
    saves: true,
    ended,
    weight: (step, layout) => (step.index < from * step.of || ended(step) ? 1 : guidance.weight(step, layout)),
    ...(guidance.mix && { mix: (step) => guidance.mix!(step) }),
  };
}

const makers: Readonly<Record<GuidanceKind, (scale: number) => Guidance>> = {
  none: () => noGuidance,
  ramp: rampGuidance,
  linear: linearGuidance,
  constant: constantGuidance,
};

/** The scale that is no guidance; null for the kind 'none'. */
export function guidanceOff(kind: GuidanceKind): number | null {
  if (kind === 'none') return null;
  return kind === 'ramp' ? 0 : 1;
}

/** @throws TesseraError `guidance-unknown`, `guidance-out-of-range` */
export function guidanceOf({ kind, scale }: GuidanceSpec): Guidance {
  if (!Object.hasOwn(makers, kind)) {
    const near = nearestName(String(kind), Object.keys(makers));
    throw new TesseraError({
      code: 'guidance-unknown',
      who: 'guidance',
      got: `the kind ${JSON.stringify(kind)}`,
      expected: `one of ${Object.keys(makers).join(', ')}`,
      next: near === null ? 'Choose one of them.' : `Did you mean ${near}?`,
    });
  }
  if (!(scale >= 0 && scale <= mostGuidance)) {
    throw new TesseraError({
      code: 'guidance-out-of-range',
      who: 'guidance',
      got: `the scale ${scale}`,
      expected: `a number from 0 to ${mostGuidance}, where ${guidanceOff(kind) ?? 0} is no guidance`,
      next: 'Choose a scale of at most about 10.',
    });
  }
  return makers[kind](scale);
}
