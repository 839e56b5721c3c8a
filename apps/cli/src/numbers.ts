import { TesseraError } from '@tessera/errors';

/** An integer option within bounds. @throws TesseraError `option` */
export function integer(option: string, value: string | boolean, least: number, most: number): number {
  const parsed = Number(value);
  if (
    typeof value === 'string' &&
    value.trim() !== '' &&
    Number.isInteger(parsed) &&
    parsed >= least &&
    parsed <= most
  ) {
    return parsed;
  }
  throw wrongOption(option, value, `an integer from ${least} to ${most}`);
}

/** A finite number option; what range makes sense is for the model to say. @throws TesseraError `option` */
export function number(option: string, value: string | boolean): number {
  const parsed = Number(value);
  if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(parsed)) return parsed;
  throw wrongOption(option, value, 'a number');
}

/** The value of an option that must be there. @throws TesseraError `usage` */
export function required(command: string, option: string, value: string | boolean | undefined): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TesseraError({
    code: 'usage',
    who: `tessera ${command}`,
    got: `no ${option}`,
    expected: 'a value for it',
    next: `See tessera ${command} --help.`,
  });
}

/** What to say of an option whose value cannot be read. */
export function wrongOption(option: string, value: string | boolean, expected: string): TesseraError {
  return new TesseraError({
    code: 'option',
    who: 'tessera',
    got: `${option} ${String(value)}`,
    expected,
    next: 'Correct the option and run the command again.',
  });
}
