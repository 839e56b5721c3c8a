import { TesseraError } from '@tessera/errors';

/** Refuses what a recipe chooses of the fields that are measured. @throws TesseraError `recipe-misfit`; `who` is the recipe */
export function refuseMeasured(config: object, fields: readonly string[], who: string): void {
  const chosen = Object.entries(config).find(([name]) => fields.includes(name));
  if (!chosen) return;
  const [name, value] = chosen;
  throw new TesseraError({
    code: 'recipe-misfit',
    who,
    got: `model.tokenizer.config.${name} = ${JSON.stringify(value)}`,
    expected: 'none: it is measured once the tokenizer is trained',
    next: `Leave ${name} out.`,
  });
}
