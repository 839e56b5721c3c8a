import { TesseraError } from '@tessera/errors';

/** A variable that holds a whole number. */
export interface WholeNumber {
  readonly name: string;
  /** Of the error. */
  readonly code: string;
  readonly from: number;
  readonly to: number;
  /** What it counts: `seconds`. */
  readonly unit?: string;
  /** What holds where it is left out, as the error says it. */
  readonly otherwise: string;
}

/** Null where it is left out. @throws TesseraError with the code of the variable */
export function readWhole(environment: NodeJS.ProcessEnv, variable: WholeNumber): number | null {
  const { name, code, from, to, unit, otherwise } = variable;
  const text = environment[name];
  if (!text) return null;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= from && number <= to) return number;
  throw new TesseraError({
    code,
    who: 'api',
    got: `${name}=${text.slice(0, 100)}`,
    expected: `a whole number${unit ? ` of ${unit}` : ''} from ${from} to ${to}`,
    next: `Leave it out for ${otherwise}.`,
  });
}
