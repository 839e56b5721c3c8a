import { TesseraError } from '@tessera/errors';

/** A class of the model, or -1 for none. @throws TesseraError `label-out-of-range` */
export function checkLabel(label: number, classes: number, who: string): number {
  if (Number.isInteger(label) && label >= -1 && label < classes) return label;
  throw new TesseraError({
    code: 'label-out-of-range',
    who,
    got: `label ${label}`,
    expected: `a label from 0 to ${classes - 1}, or -1 for no class`,
    next: 'Choose a label of this model.',
  });
}
