import { TesseraError } from '@tessera/errors';

/**
 * Refuses data whose classes are not those of a model that is held against it: labels are numbers, so that a folder that
 * was renamed since would exchange what they mean. Names may differ as a whole: `n01440764` and `tench`.
 * @throws TesseraError `classes-differ`
 */
export function requireSameClasses(model: readonly string[], data: readonly string[], who: string): void {
  const next = 'Name the recipe that the model was trained with (--recipe), or restore the folders of its classes.';
  if (model.length !== data.length) {
    const got = `data of ${data.length} classes`;
    throw new TesseraError({ code: 'classes-differ', who, got, expected: `the ${model.length} of the model`, next });
  }
  const label = data.findIndex((name, at) => name !== model[at] && model.includes(name));
  if (label < 0) return;
  const got = `data whose class ${label} is ${data[label]!}`;
  const expected = `the order of the model, whose class ${label} is ${model[label]!}`;
  throw new TesseraError({ code: 'classes-differ', who, got, expected, next });
}
