import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { integer, text } from '@tessera/command-line';
import { printable } from '@tessera/errors';
import { findModel, outlineModel, quantizeModel, type ModelManifest, type QuantizedSizes } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { requireWritable } from '../common-options.ts';
import { evaluateModel } from '../evaluation/evaluate-model.ts';
import { MOST_SAMPLES } from '../evaluation/generate-set.ts';
import { measuringOptions } from '../evaluation/options.ts';
import { reportLines } from '../evaluation/report.ts';
import { recipePath } from '../evaluation/session.ts';
import { projectPlugins } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const { against, seeds } = measuringOptions;
const options = {
  out: text({ value: 'DIR', required: true, help: 'model folder to write' }),
  samples: integer({
    value: 'N',
    from: 10,
    to: MOST_SAMPLES,
    help: 'measure so many images in both precisions, as `tessera eval` does, and write the figures into its README.md',
  }),
  seeds,
  against,
};

export const quantize: Command<typeof options> = {
  positionals: { usage: 'MODEL', least: 1, most: 1 },
  options,
  notes: [
    'Linear layers of backbone and head become a quarter of their size; all else stays as it is. The folder makes the images that',
    '`tessera generate --precision int8` makes of the model. It can be neither trained nor exported. See docs/precision.md.',
  ],
  examples: [
    'tessera quantize digits-var --out models/digits-var-int8',
    'tessera quantize digits-var --out models/digits-var-int8 --samples 300 --seeds 1,2,3',
  ],
  async run({ positionals: [name], values: { out, samples, ...measuring } }, terminal) {
    const { folder } = findModel(name!);
    await requireWritable(out);
    const engine = createEngine({ target: 'onnx', precision: 'int8' });
    const plugins = await projectPlugins(terminal);
    const sizes = await quantizeModel(folder, out, { engine, plugins }).finally(() => engine.dispose());
    const share = Math.round((100 * sizes.after) / sizes.before);
    const own = `${megabytes(sizes.after)}, ${share}% of ${megabytes(sizes.before)}`;
    const { manifest } = await outlineModel(folder, plugins);
    await writeFile(join(out, 'README.md'), card(manifest, sizes));
    terminal.out(`${printable(name!, 120)} in int8 is in ${out}: ${own}.`);
    if (samples !== undefined) await measure([folder, out], { samples, ...measuring }, terminal);
    return 0;
  },
};

/** What the folder is, for people. */
function card({ title, name, licence }: ModelManifest, { before, after }: QuantizedSizes): string {
  return [
    `# ${title} in 8 bits`,
    '',
    `The model \`${name}\` with linear layers in 8 bits: ${megabytes(after)} instead of ${megabytes(before)}. It makes the images that`,
    '`tessera generate --precision int8` makes of that model, and can be neither trained nor exported.',
    '',
    `Licence of the weights: ${licence}`,
    '',
  ].join('\n');
}

interface Measuring {
  readonly samples: number;
  readonly seeds: readonly number[] | undefined;
  readonly against: string | undefined;
}

/** Measures the model in float32 and the folder in int8 with the same seeds; prints the figures and adds them to the card. */
async function measure(
  [folder, out]: readonly [string, string],
  { against, ...values }: Measuring,
  terminal: Terminal,
): Promise<void> {
  // The recipe of the model itself: the folder has another name.
  const reference = against ?? recipePath(folder);
  const lines: string[] = [];
  for (const [precision, of] of [
    ['float32', folder],
    ['int8', out],
  ] as const) {
    const engine = { target: 'onnx', precision };
    const report = await evaluateModel({ folder: of, against: reference, engine, values }, terminal);
    lines.push(`${precision}:`, ...reportLines(report).map((line) => `  ${line}`));
  }
  for (const line of lines) terminal.out(line);
  const path = join(out, 'README.md');
  const measured = [
    '## Measured',
    '',
    'Figures of the model in both precisions (`tessera eval`):',
    '',
    '```text',
    ...lines,
    '```',
    '',
  ];
  await writeFile(path, `${await readFile(path, 'utf8')}\n${measured.join('\n')}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
