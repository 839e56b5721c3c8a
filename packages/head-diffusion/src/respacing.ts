import { roundHalfEven } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/** Length of the chain that denoisers are trained on. */
export const TRAINED_STEPS = 1000;

/**
 * Which steps of the trained chain a shorter chain keeps, ascending (Nichol & Dhariwal 2021, section 4).
 * `"100"`: that many, evenly spread. `"10,15,20"`: the chain in equal sections, so many of each; a section of none is
 * left out. `"ddim50"`: every k-th step from the first, where a whole k gives that many. `""`: all.
 * @throws TesseraError `respacing-misfit`
 */
export function keptTimesteps(respacing: string): Int32Array {
  const wrong = respacingMisfit(respacing);
  if (wrong === null) return respacing === '' ? evenly(TRAINED_STEPS, 1) : keep(respacing);
  throw new TesseraError({
    code: 'respacing-misfit',
    who: 'diffusion',
    got: `the respacing ${JSON.stringify(respacing.slice(0, 60))}`,
    expected: wrong,
  });
}

/** What would have been right, or null where the respacing fits. */
export function respacingMisfit(respacing: string): string | null {
  if (respacing === '') return null;
  if (respacing.startsWith('ddim')) {
    const count = respacing.slice(4);
    if (/^\d+$/.test(count) && strideFor(Number(count)) !== null) return null;
    return `a number of steps after ddim that a whole stride through ${TRAINED_STEPS} gives, as ddim50`;
  }
  const counts = respacing.split(',');
  if (!counts.every((count) => /^\d+$/.test(count))) return 'a number of steps as 100, sections as 10,15,20, or ddim50';
  const sizes = sectionSizes(counts.length);
  const long = counts.findIndex((count, section) => Number(count) > sizes[section]!);
  if (long >= 0) {
    const where = counts.length === 1 ? '' : ` in section ${long + 1} of ${counts.length}`;
    return `at most ${sizes[long]} steps${where}`;
  }
  return counts.some((count) => Number(count) > 0) ? null : 'at least one step';
}

function keep(respacing: string): Int32Array {
  if (respacing.startsWith('ddim')) {
    const count = Number(respacing.slice(4));
    return evenly(count, strideFor(count)!);
  }
  const counts = respacing.split(',').map(Number);
  const sizes = sectionSizes(counts.length);
  let start = 0;
  const kept = counts.flatMap((count, section) => {
    const size = sizes[section]!;
    const places = spread(count, size).map((place) => start + place);
    start += size;
    return places;
  });
  return Int32Array.from(kept);
}

/** Sections as equal as can be: the first ones take what is left over. */
function sectionSizes(sections: number): number[] {
  const [size, over] = [Math.floor(TRAINED_STEPS / sections), TRAINED_STEPS % sections];
  return Array.from({ length: sections }, (_, section) => size + (section < over ? 1 : 0));
}

/** `count` places from 0 to `size - 1`, both ends included; added up, since rounding depends on it. */
function spread(count: number, size: number): number[] {
  const stride = count > 1 ? (size - 1) / (count - 1) : 1;
  const places: number[] = [];
  for (let i = 0, place = 0; i < count; i++, place += stride) places.push(roundHalfEven(place));
  return places;
}

/** The smallest whole stride whose walk through the chain has this many steps. */
function strideFor(count: number): number | null {
  for (let stride = 1; stride < TRAINED_STEPS; stride++) {
    if (Math.ceil(TRAINED_STEPS / stride) === count) return stride;
  }
  return null;
}

function evenly(count: number, stride: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i * stride);
}
