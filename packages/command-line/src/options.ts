import { TesseraError } from '@tessera/errors';

/** One option of a command: how it is shown by `--help`, and how the text behind it is read. */
export interface Option<T> {
  /** What follows the option in the help: `N`, `DIR`. Null for a flag, which takes no value. */
  readonly value: string | null;
  readonly help: string;
  /** The command is refused without it. */
  readonly required: boolean;
  /** May be given several times; `read` then adds to what was read before. */
  readonly repeats: boolean;
  /** What holds without the option, shown by the help. */
  readonly otherwise?: T;
  /** @throws TesseraError `option` */
  read(text: string, given: { readonly who: string; readonly option: string; readonly before: T | undefined }): T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** What was given for each option; undefined where it was left out and nothing holds otherwise. */
export type ValuesOf<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

/** What all options with a value say of themselves. */
interface About {
  readonly value: string;
  readonly help: string;
}

interface Presence<T> {
  readonly required?: true;
  readonly otherwise?: T;
}

/** Only an option that is required, or that has a default, always has a value. */
type Given<T, P> = P extends { readonly required: true } | { readonly otherwise: unknown } ? T : T | undefined;

type Read<T> = (text: string, given: { readonly who: string; readonly option: string }) => T;

function single<T, P extends About & Presence<T>>(about: P, read: Read<T>): Option<Given<T, P>> {
  const { value, help, required = false, otherwise } = about;
  return { value, help, required, repeats: false, ...(otherwise !== undefined && { otherwise }), read } as Option<
    Given<T, P>
  >;
}

/** `--json`: false where it is left out. */
export function flag(help: string): Option<boolean> {
  return { value: null, help, required: false, repeats: false, read: () => true };
}

/** Any text but an empty one. */
export function text<const P extends About & Presence<string>>(about: P): Option<Given<string, P>> {
  return single<string, P>(about, readText);
}

/** Any text, any number of times, in the order in which it was given. */
export function texts(about: About): Option<readonly string[]> {
  const read: Option<readonly string[]>['read'] = (given, { before = [], ...where }) => [
    ...before,
    readText(given, where),
  ];
  return { ...about, required: false, repeats: true, read };
}

/** An integer within bounds. */
export function integer<const P extends About & Presence<number> & { readonly from: number; readonly to: number }>(
  about: P,
): Option<Given<number, P>> {
  const { from, to } = about;
  return single<number, P>(about, (given, where) => readInteger(given, { ...where, from, to }));
}

/** A finite number, of at least `from`; without it, what range makes sense is for the model to say. */
export function number<const P extends About & Presence<number> & { readonly from?: number }>(
  about: P,
): Option<Given<number, P>> {
  const { from = -Infinity } = about;
  const expected = from === -Infinity ? 'a number' : `a number of at least ${from}`;
  return single<number, P>(about, (given, where) => {
    const parsed = readNumber(given, where, expected);
    if (parsed >= from) return parsed;
    throw wrongValue(given, where, expected);
  });
}

/** One of several words. */
export function choice<const T extends string, const P extends About & Presence<T> & { readonly of: readonly T[] }>(
  about: P & { readonly of: readonly T[] },
): Option<Given<T, P>> {
  return single<T, P>(about, (given, where) => readChoice(given, about.of, where));
}

/** Some of several words, separated by commas or given one after the other; none where it is left out. */
export function choices<const T extends string>(about: About & { readonly of: readonly T[] }): Option<readonly T[]> {
  return repeated(about, (word, where) => readChoice(word, about.of, where));
}

/** Any words, separated by commas or given one after the other; none where it is left out. */
export function list(about: About): Option<readonly string[]> {
  return repeated(about, (word) => word);
}

function repeated<T>(about: About, readWord: Read<T>): Option<readonly T[]> {
  const read: Option<readonly T[]>['read'] = (given, { before = [], ...where }) => [
    ...before,
    ...words(readText(given, where), where).map((word) => readWord(word, where)),
  ];
  return { ...about, required: false, repeats: true, read };
}

/** Integers within bounds, separated by commas. */
export function integers(
  about: About & { readonly from: number; readonly to: number },
): Option<readonly number[] | undefined> {
  const { from, to } = about;
  return single<readonly number[], About>(about, (given, where) =>
    words(given, where).map((word) => readInteger(word, { ...where, from, to })),
  );
}

/** So many numbers, separated by commas; `expected` says what they are. */
export function numbers(
  about: About & { readonly count: number; readonly expected: string },
): Option<readonly number[] | undefined> {
  const { count, expected } = about;
  return single<readonly number[], About>(about, (given, where) => {
    const all = given.split(',').map((word) => toNumber(word));
    if (all.length === count && !all.includes(NaN)) return all;
    throw wrongValue(given, where, expected);
  });
}

/** The same option where it may be left out. */
export function optional<T>(option: Option<T>): Option<T | undefined> {
  return { ...option, required: false } as Option<T | undefined>;
}

/** Only the values that were given. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const all = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(all) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** What a refusal says about an option whose value cannot be read. */
export function wrongValue(
  value: string,
  { who, option }: { readonly who: string; readonly option: string },
  expected: string,
): TesseraError {
  const next = 'Correct the option and run the command again.';
  return new TesseraError({ code: 'option', who, got: `${option} ${quoted(value)}`, expected, next });
}

/** An empty word would not be seen in a sentence. */
function quoted(value: string): string {
  return value.trim() === '' ? `'${value}'` : value;
}

function words(given: string, where: { readonly who: string; readonly option: string }): string[] {
  const all = given.split(',').map((word) => word.trim());
  if (!all.includes('')) return all;
  throw wrongValue(given, where, 'values separated by commas, none of them empty');
}

const readText: Read<string> = (given, where) => {
  if (given !== '') return given;
  throw wrongValue(given, where, 'a value');
};

function readInteger(
  given: string,
  { from, to, ...where }: { readonly who: string; readonly option: string; readonly from: number; readonly to: number },
): number {
  const expected = to === Infinity ? `an integer of at least ${from}` : `an integer from ${from} to ${to}`;
  const parsed = readNumber(given, where, expected);
  if (Number.isInteger(parsed) && parsed >= from && parsed <= to) return parsed;
  throw wrongValue(given, where, expected);
}

function readNumber(given: string, where: { readonly who: string; readonly option: string }, expected: string): number {
  const parsed = toNumber(given);
  if (Number.isNaN(parsed)) throw wrongValue(given, where, expected);
  return parsed;
}

/** NaN where it is no finite number. */
function toNumber(given: string): number {
  const parsed = Number(given);
  return given.trim() !== '' && Number.isFinite(parsed) ? parsed : NaN;
}

function readChoice<T extends string>(
  given: string,
  allowed: readonly T[],
  where: { readonly who: string; readonly option: string },
): T {
  const found = allowed.find((one) => one === given);
  if (found !== undefined) return found;
  throw wrongValue(given, where, allowed.length > 2 ? `one of ${allowed.join(', ')}` : allowed.join(' or '));
}
