/** Share of images whose class is the expected one, from 0 to 1. */
export function accuracy(found_N: Int32Array, expected_N: Int32Array): number {
  return found_N.reduce((right, label, n) => right + Number(label === expected_N[n]), 0) / found_N.length;
}

/** The same share among the images of each class; null for a class without images. */
export function accuracyByClass(
  found_N: Int32Array,
  expected_N: Int32Array,
  classes: number,
): readonly (number | null)[] {
  const [right, all] = [new Int32Array(classes), new Int32Array(classes)];
  for (const [n, label] of expected_N.entries()) {
    if (label < 0 || label >= classes) continue;
    all[label]!++;
    if (found_N[n] === label) right[label]!++;
  }
  return Array.from(all, (count, label) => (count === 0 ? null : right[label]! / count));
}
