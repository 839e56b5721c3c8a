import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { CheckpointValue } from '@tessera/checkpoints';
import { parseJson, TesseraError } from '@tessera/errors';

/** The value that one source gives to a setting. */
interface Claim<T> {
  readonly value: T;
  /** For errors: `args.encoder_num_heads`, `--heads`, `its tensors`. */
  readonly source: string;
}

/** Settings that come with weights. Each method takes all names that a setting may have. */
export interface Settings {
  numbers(...names: readonly string[]): readonly Claim<number>[];
  flags(...names: readonly string[]): readonly Claim<boolean>[];
  lists(...names: readonly string[]): readonly Claim<readonly number[]>[];
}

/** Plain values by dotted path, and their origin. */
interface ValueSource {
  /** Follows a name in errors: ` of config.json`; empty for the weight file itself. */
  readonly of: string;
  readonly values: ReadonlyMap<string, CheckpointValue>;
}

/** Where checkpoints keep the settings of their model: `args` of argparse, `hyper_parameters` of Lightning, and others. */
const roots = [
  '',
  ...['args.', 'config.', 'cfg.', 'hparams.', 'hyper_parameters.', 'model_args.', 'model_config.', 'trainer.config.'],
];

export function settingsOf(sources: readonly ValueSource[]): Settings {
  const read =
    <T>(parse: (values: ValueSource['values'], path: string) => T | null) =>
    (...names: readonly string[]): Claim<T>[] =>
      sources.flatMap(({ of, values }) =>
        names.flatMap((name) =>
          roots.flatMap((root) => {
            const value = parse(values, root + name);
            return value === null ? [] : [{ value, source: `${root}${name}${of}` }];
          }),
        ),
      );
  return { numbers: read(numberAt), flags: read(flagAt), lists: read(listAt) };
}

function numberAt(values: ValueSource['values'], path: string): number | null {
  const value = values.get(path);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function flagAt(values: ValueSource['values'], path: string): boolean | null {
  const value = values.get(path);
  if (value === true || value === 1 || value === 'True' || value === 'true') return true;
  return value === false || value === 0 || value === 'False' || value === 'false' ? false : null;
}

/** A list of numbers, or text such as `1_2_3`. */
function listAt(values: ValueSource['values'], path: string): readonly number[] | null {
  const value = values.get(path);
  if (typeof value === 'string') return /^\d+([_, -]+\d+)+$/.test(value) ? value.split(/[_, -]+/).map(Number) : null;
  const list: number[] = [];
  for (let next; (next = numberAt(values, `${path}.${list.length}`)) !== null;) list.push(next);
  return list.length > 0 ? list : null;
}

/** The value of an option of the request, if it was given. */
export function asked<T>(option: string, value: T | undefined): readonly Claim<T>[] {
  return value === undefined ? [] : [{ value, source: option }];
}

/**
 * The value on which all sources agree; undefined if there is no source.
 * @throws TesseraError weights-mismatch that names two sources which disagree
 */
export function agreed<T>(who: string, quantity: string, claims: readonly Claim<T>[]): T | undefined {
  const [first, ...others] = claims;
  if (!first) return undefined;
  const text = ({ value }: Claim<T>) => (Array.isArray(value) ? value.join(' ') : String(value));
  const other = others.find((one) => text(one) !== text(first));
  if (!other) return first.value;
  throw new TesseraError({
    code: 'weights-mismatch',
    who,
    got: `${quantity} ${text(first)} (${first.source}) and ${text(other)} (${other.source})`,
    expected: 'the same value from all sources',
    next: 'Correct or remove the wrong one.',
  });
}

/**
 * Compares a known value (from the shapes of tensors, unless another source is named) with the settings.
 * @throws TesseraError weights-mismatch
 */
export function confirming(who: string, source = 'its tensors') {
  return <T>(quantity: string, known: NoInfer<T>, claims: readonly Claim<T>[]): void => {
    agreed(who, quantity, [{ value: known, source }, ...claims]);
  };
}

/** Values of a `config.json` beside a weight file, as files without pickles have; none if there is no such file. */
export async function configBeside(path: string): Promise<ValueSource> {
  const config = join(dirname(path), 'config.json');
  const values = new Map<string, CheckpointValue>();
  const bytes = await readFile(config).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw unreadable(config, error);
  });
  if (bytes !== null) {
    const refusal = { code: 'config-unreadable', who: config, expected: 'settings as JSON, or no such file' };
    spread(parseJson(bytes, refusal), [], values);
  }
  return { of: ` of ${basename(config)} beside it`, values };
}

const deepest = 8;

function spread(value: unknown, path: readonly string[], values: Map<string, CheckpointValue>): void {
  if (typeof value === 'object' && value !== null) {
    if (path.length >= deepest) return; // deeper than any setting
    for (const [key, one] of Object.entries(value)) spread(one, [...path, key], values);
  } else if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
    values.set(path.join('.'), value as CheckpointValue);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unreadable(who: string, cause: unknown): TesseraError {
  const got = `a file that cannot be read (${cause instanceof Error ? cause.message : String(cause)})`;
  return new TesseraError({
    code: 'config-unreadable',
    who,
    got,
    expected: 'settings as JSON, or no such file',
    cause,
  });
}
