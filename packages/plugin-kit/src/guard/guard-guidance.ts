import type { GuidedStep, Mix, OpenGuidance, OpenMix, Predictions, Step } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { callPart, checkMembers, misdescribed, wrongShape } from './part-call.ts';

interface GuidanceGuard {
  readonly name: string;
  /** Whether its plug-in says `mixes`. */
  readonly mixes: boolean;
}

/** A guidance whose errors and numbers name it. @throws TesseraError `part-shape` where it is not a whole guidance */
export function guardGuidance(open: OpenGuidance, guard: GuidanceGuard): OpenGuidance {
  const { name } = guard;
  checkMembers({ name, call: 'open()' }, open, ['step']);
  const lent = (step: Step): Step => ({ ...step, positions_Bl: step.positions_Bl.slice() });
  const ended = (step: Step): boolean => callPart({ name, call: 'ended()' }, () => open.ended!(lent(step)));
  return {
    step: (step) => {
      const guided = callPart({ name, call: 'step()' }, () => open.step(lent(step)));
      const place = `step ${step.index + 1} of ${step.of}`;
      if (guided === null) return null;
      if (open.ended && ended(step)) throw misdescribed(name, `a guided ${place}`, 'null where ended() says true');
      return checkedStep(guided, guard, place);
    },
    ...(open.ended && { ended }),
  };
}

function checkedStep(guided: GuidedStep, { name, mixes }: GuidanceGuard, place: string): GuidedStep {
  const part = { name, call: 'step()' };
  checkMembers(part, guided, ['weight']);
  const { weight, mix } = guided;
  if (!Number.isFinite(weight)) throw wrongNumber(name, `the weight ${String(weight)} of ${place}`);
  if ((mix !== undefined) !== mixes) {
    throw misdescribed(name, `a step ${mix ? 'with' : 'without'} mix`, mixes ? 'one with mix' : 'one without it');
  }
  return mix ? { weight, mix: guardMix(mix, name, place) } : { weight };
}

function guardMix(open: OpenMix, name: string, place: string): OpenMix {
  return (shape) => {
    const part = { name, call: 'mix()' };
    const mix = callPart(part, () => open({ ...shape, groups: [...shape.groups] }));
    if (typeof mix !== 'function') throw wrongShape(part, `a ${typeof mix}`, 'a function of predictions');
    const count = shape.tokens * shape.width;
    return (predictions) => {
      const mixed = callPart(part, () => mix(copied(predictions)));
      if (mixed?.length !== count) throw wrongShape(part, `${mixed?.length ?? 'no'} numbers`, `${count}, one for each`);
      const isGiven = finite(predictions.own_lX) && finite(predictions.none_lX);
      if (isGiven && !finite(mixed)) throw wrongNumber(name, `a number that is not finite of mix() at ${place}`);
      return mixed;
    };
  };
}

/** What it is given belongs to the head. */
function copied({ own_lX, none_lX, clean }: Predictions): Parameters<Mix>[0] {
  const given = { own_lX: own_lX.slice(), none_lX: none_lX.slice() };
  return clean ? { ...given, clean: { ...clean, state_lX: clean.state_lX.slice() } } : given;
}

function finite(numbers: ArrayLike<number>): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

function wrongNumber(name: string, got: string): TesseraError {
  return new TesseraError({
    code: 'part-numbers',
    who: name,
    got,
    expected: 'a finite number',
    next: `Lower the guidance, or report it to the makers of ${name}.`,
  });
}
