import type { Checkpoint } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import type { ModelManifest } from '../manifest.ts';
import { marFormat } from './mar/mar-format.ts';
import { holdsState } from './official-state.ts';
import { varFormat } from './var/var-format.ts';
import type { ImportHints, WeightFormat } from './weight-format.ts';

/** The families of models whose official files Tessera reads and writes. */
export const formats: readonly WeightFormat[] = [varFormat, marFormat];

/**
 * The format of a generator's file.
 * @throws TesseraError state-missing, state-ambiguous
 */
export function formatOfFile(file: Checkpoint): WeightFormat {
  const [format, another] = formats.filter(({ marks }) => holdsState(file, marks.transformer));
  if (format && !another) return format;
  throw new TesseraError({
    code: format ? 'state-ambiguous' : 'state-missing',
    who: file.path,
    got: format ? `weights of both ${format.name} and ${another!.name}` : 'no weights of a known generator',
    expected: `the official weights of one: ${known((one) => `${one.name} (which has ${one.marks.transformer.tensor})`)}`,
    next: 'Check that this is the file you meant.',
  });
}

/**
 * The format in which a model folder can be written.
 * @throws TesseraError export-unsupported
 */
export function formatOfModel(manifest: ModelManifest, who: string): WeightFormat {
  const parts = Object.keys(formats[0]!.plugins) as (keyof WeightFormat['plugins'])[];
  const format = formats.find(({ plugins }) => parts.every((part) => plugins[part] === manifest[part].plugin));
  if (format) return format;
  throw new TesseraError({
    code: 'export-unsupported',
    who,
    got: `the parts ${parts.map((part) => manifest[part].plugin).join(', ')}`,
    expected: `those of a family that has official files: ${known(({ name, plugins }) => `${name} (${parts.map((part) => plugins[part]).join(', ')})`)}`,
  });
}

/** @throws TesseraError hint-unknown for a hint that the format would ignore */
export function checkHints(format: WeightFormat, hints: ImportHints, who: string): void {
  const idle = (Object.keys(hints) as (keyof ImportHints)[]).find((hint) => !format.hints.includes(hint));
  if (idle === undefined) return;
  throw new TesseraError({
    code: 'hint-unknown',
    who,
    got: `${idle} for weights of ${format.name}`,
    expected: `only ${format.hints.join(', ')}`,
    next: `Leave ${idle} out.`,
  });
}

function known(say: (format: WeightFormat) => string): string {
  return formats.map(say).join(' or ');
}
