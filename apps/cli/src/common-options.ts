import { given, integer, text, texts, wrongValue, type Arguments } from '@tessera/command-line';
import type { JsonSchema } from '@tessera/schema';
import { printable, TesseraError } from '@tessera/errors';
import { folderTrouble } from '@tessera/models';
import type { EngineOptions } from '@tessera/targets';

/** Options that every command with an engine understands. */
export const engineOptions = {
  target: text({
    value: 'T',
    help: 'where programs run: onnx, tensorflow, eager or tensorflow-eager (default: the fastest available)',
  }),
  threads: integer({ value: 'N', from: 1, to: 1024, help: 'threads of the runtime (default: all cores)' }),
} as const;

/** The same for commands that make images. */
export const modelEngineOptions = {
  ...engineOptions,
  precision: text({
    value: 'P',
    help: 'float32; int8: products in 8 bits, faster and less exact; auto: int8 for models from width 512 on, on x86 (default: what the model says)',
  }),
} as const;

type EngineValues = Arguments<typeof engineOptions>['values'] & { readonly precision?: string | undefined };

export function readEngineOptions({ target, threads, precision }: EngineValues): EngineOptions {
  return given({ target, threads, precision }); // createEngine checks them
}

export const modelOption = text({
  value: 'NAME',
  required: true,
  help: 'a model that `tessera models` lists, or a path to a model folder',
});

export const setOption = texts({
  value: 'NAME=VALUE',
  help: 'an option of the model, repeatable; `tessera models NAME` lists them',
});

/**
 * Reads `--set NAME=VALUE`. What the model's schema calls a string stays one; otherwise numbers, true and false are what
 * they look like. Whether name and value make sense is for the model to say.
 * @throws TesseraError `option`
 */
export function readSettings(
  settings: readonly string[],
  { properties = {} }: JsonSchema,
  who: string,
): Record<string, unknown> {
  const where = { who, option: '--set' };
  const read = new Map<string, unknown>();
  for (const setting of settings) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) throw wrongValue(setting, where, 'NAME=VALUE');
    if (read.has(name)) throw wrongValue(`${name} twice`, where, 'each option once');
    const isText = Object.hasOwn(properties, name) && properties[name]!.type === 'string';
    read.set(name, isText ? value : plainValue(value));
  }
  return Object.fromEntries(read);
}

function plainValue(word: string): unknown {
  if (word === 'true' || word === 'false') return word === 'true';
  return word.trim() !== '' && Number.isFinite(Number(word)) ? Number(word) : word;
}

/** What `--set` or a configuration may hold, a line per option: `topP  number from 0 to 1, default 0.95: what it does`. */
export function settingLines({ properties = {} }: JsonSchema): string[] {
  const width = Math.max(0, ...Object.keys(properties).map((name) => Math.min(name.length, 60)));
  return Object.entries(properties).map(([name, property]) => {
    const { description, default: own, onlyWith = {} } = property;
    const needs = Object.entries(onlyWith).map(([other, value]) => `, with ${other}=${value}`);
    const normally = `${own === undefined ? '' : `, default ${String(own)}`}${needs.join('')}`;
    const about = description === undefined ? '' : `: ${description}`;
    return printable(`${name.padEnd(width)}  ${kindOf(property)}${normally}${about}`);
  });
}

function kindOf({ type, minimum, exclusiveMinimum: above, maximum, enum: allowed }: JsonSchema): string {
  if (allowed) return allowed.join(' or ');
  if (type === 'boolean') return 'true or false';
  const kind = type ?? 'value';
  if (above !== undefined) return `${kind} above ${above}${maximum === undefined ? '' : `, ${maximum} at most`}`;
  const from = minimum === undefined ? '' : ` from ${minimum}`;
  return `${kind}${from}${maximum === undefined ? '' : `${from ? '' : ' up'} to ${maximum}`}`;
}

/**
 * Fails before any work where a folder cannot be made or written; nothing stays behind.
 * @throws TesseraError `output-not-writable`
 */
export async function requireWritable(folder: string): Promise<void> {
  const trouble = await folderTrouble(folder);
  if (trouble === null) return;
  throw new TesseraError({
    code: 'output-not-writable',
    who: `--out ${folder}`,
    expected: 'a folder that can be made and written',
    next: 'Choose another folder.',
    ...trouble,
  });
}
