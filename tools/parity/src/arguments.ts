import { parseArgs } from 'node:util';
import { TARGETS, type TargetName } from '@tessera/targets';
import { TesseraError } from '@tessera/errors';

export interface ParityArguments {
  readonly folder: string;
  readonly kinds: readonly string[];
  readonly target: TargetName;
}

export const help = `Runs every case file of a folder and compares what Tessera computes with what the file expects.

Usage
  npm run parity -- FOLDER [--kind PATTERNS] [--target TARGET]

Options
  --kind PATTERNS   Only files whose metadata \`kind\` matches: patterns with * and ?, apart by commas.
                    A kind without a runner fails.
  --target TARGET   onnx (default, or what TESSERA_TARGET says); eager, the plain TensorFlow.js that serves as
                    reference; and where \`tessera setup tensorflow\` has been run, tensorflow and tensorflow-eager.
  --help            This text.

Prints one line per file (ok or FAIL, file, kind, largest error or reason) and at last
"N passed, M failed". The exit code is 0 when nothing failed.

Examples
  npm run parity -- tools/goldens/cases
  npm run parity -- goldens --kind 'var.*,vqvae*,quantizer,filter,interp*'
  npm run parity -- goldens --kind 'mar.*,klvae,diffusion.tables'
  npm run parity -- goldens --kind quantizer --target eager`;

/** Null when help is asked for. @throws TesseraError `arguments` */
export function parseArguments(args: readonly string[]): ParityArguments | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) {
    throw badArguments(`${positionals.length} folders`, 'one folder of case files');
  }
  const target = values.target ?? (process.env['TESSERA_TARGET'] || 'onnx');
  if (!isTarget(target)) throw badArguments(`--target ${target}`, TARGETS.join(', '));
  const kinds = (values.kind ?? []).flatMap((list) => list.split(',').map((pattern) => pattern.trim()));
  return { folder, kinds: kinds.filter((pattern) => pattern !== ''), target };
}

function isTarget(name: string): name is TargetName {
  return TARGETS.some((target) => target === name);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kind: { type: 'string', multiple: true },
        target: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw badArguments(error instanceof Error ? error.message : String(error), 'the options below');
  }
}

function badArguments(got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'arguments', who: 'parity', got, expected, next: 'See --help.' });
}
