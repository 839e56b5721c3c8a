import { TesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import type { Guidance, GuidanceRequest, GuidedStep, OpenMix } from './guidance-part.ts';
import { guidanceOf, noGuidance, type GuidanceSpec } from './guidance.ts';
import type { GuidancePlugin } from './plugin.ts';
import type { Step } from './tokens.ts';

interface GuidanceUse extends Pick<GuidanceRequest, 'options' | 'layout'> {
  /** Whether the backbone can leave the null class out from a step on. */
  readonly endsGuidance?: boolean;
}

/**
 * Opens a guidance for the loop. No guidance in the model's own scale is none for every part: then rows are not doubled, and
 * images are those of their conditions to the bit.
 * @param spec in the scale of the model's own kind of guidance
 * @throws TesseraError `guidance-out-of-range`, `guidance-unknown`, and what the plug-in throws
 */
export function openGuidance(
  plugin: GuidancePlugin,
  spec: GuidanceSpec,
  { options, layout, endsGuidance = false }: GuidanceUse,
): Guidance {
  const own = guidanceOf(spec);
  if (plugin.name === spec.kind || !own.active) return own;
  const ramps = spec.kind === 'ramp';
  const strength = ramps ? { weight: 1 + spec.scale, over: spec.scale } : { weight: spec.scale, over: spec.scale - 1 };
  const open = plugin.open({ ...strength, options, layout });
  return {
    ...noGuidance,
    active: true,
    saves: true,
    ...(endsGuidance && { ended: (step) => open.ended?.(step) === true }),
    weight: (step) => open.step(step)?.weight ?? 1,
    ...(plugin.mixes && { mix: (step: Step) => openedMix(plugin.name, open.step(step)) }),
  };
}

function openedMix(who: string, step: GuidedStep | null): OpenMix {
  if (!step || step.weight === 1)
    return () =>
      ({ own_lX }) =>
        own_lX;
  if (step.mix) return step.mix;
  throw new TesseraError({
    code: 'part-misdescribed',
    who,
    got: 'a guided step without mix',
    expected: 'mix at every guided step, since it says mixes',
    next: `Correct or exchange ${who}.`,
  });
}

const none = schema.object({});
const base = { kind: 'guidance', contract: 2, config: none, options: () => none } as const;

/** The same weight at every step. */
export const constantPart: GuidancePlugin = {
  ...base,
  name: 'constant',
  open: ({ weight }) => ({ step: () => ({ weight }) }),
};

/** See `rampGuidance`. */
export const rampPart: GuidancePlugin = {
  ...base,
  name: 'ramp',
  open: ({ over }) => ({ step: ({ index, of }) => ({ weight: 1 + (over * index) / Math.max(1, of - 1) }) }),
};

/** See `linearGuidance`. */
export const linearPart: GuidancePlugin = {
  ...base,
  name: 'linear',
  open: ({ over, layout: { length } }) => ({
    step: ({ after }) => ({ weight: 1 + (over * (length - Math.max(1, after))) / length }),
  }),
};
