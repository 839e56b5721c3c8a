/** JSON that tells all numbers apart: plain JSON writes NaN and both infinities as null, and -0 as 0. */
export function exactKey(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== 'number') return part;
    if (Object.is(part, -0)) return { number: '-0' };
    return Number.isFinite(part) ? part : { number: String(part) };
  });
}
