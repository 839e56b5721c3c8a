import type { OtherSizes, SizeBounds } from '@tessera/core';
import { callPart, checkMembers, misdescribed } from './part-call.ts';

/** What a tokenizer says of other sizes, whose errors and answers name it. @throws TesseraError `part-failed`, `part-misdescribed` */
export function guardSizes(sized: OtherSizes, name: string): OtherSizes {
  return {
    bounds: (config) => {
      const part = { name, call: 'sized.bounds()' };
      checkMembers({ name, call: 'sized' }, sized, ['bounds', 'config']);
      const bounds = callPart(part, () => sized.bounds(config));
      checkBounds(bounds, name);
      return bounds;
    },
    config: (config, size) =>
      callPart({ name, call: 'sized.config()', quotes: true }, () => sized.config(config, size)),
  };
}

function checkBounds(bounds: SizeBounds, name: string): void {
  const { own, step, least, most } = bounds ?? {};
  const whole = [own?.height, own?.width, step, least, most].every((one) => Number.isSafeInteger(one) && one! > 0);
  if (whole && least <= most && least % step === 0) return;
  const got = `sizes of ${JSON.stringify(bounds)?.slice(0, 120)}`;
  throw misdescribed(
    name,
    got,
    'own, step, least and most in whole pixels, least a multiple of step and no more than most',
  );
}
