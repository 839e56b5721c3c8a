import { flag, integer, number, type Arguments } from '@tessera/command-line';
import { printable } from '@tessera/errors';
import { compareTraces, firstDifference, readTrace, type TensorDifference, type Trace } from '@tessera/trace';
import type { Command } from '../command.ts';
import type { Terminal } from '../terminal.ts';

const options = {
  tolerance: number({
    value: 'X',
    otherwise: 1e-4,
    help: 'share of the largest element of a tensor that every element may differ by; indices must be equal',
  }),
  rows: integer({ value: 'N', from: 1, to: 100_000, otherwise: 12, help: 'rows of the table at most' }),
  all: flag('also show tensors that agree'),
  json: flag('print one JSON object with all tensors'),
} as const;

export const traceDiff: Command<typeof options> = {
  positionals: { usage: 'A B', least: 2, most: 2 },
  options,
  examples: [
    'tessera trace diff traces/onnx traces/eager',
    'tessera trace diff traces/before traces/after --tolerance 0 --json',
  ],
  run,
};

/** Exits with 1 where a tensor differs beyond the tolerance. */
async function run({ positionals, values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const [a, b] = await Promise.all(positionals.map((folder) => readTrace(folder)));
  const all = compareTraces(a!, b!);
  const first = firstDifference(all, values.tolerance);
  const facts = differingFacts(a!, b!);
  if (values.json) {
    terminal.out(JSON.stringify({ differs: first !== null, first, facts, tensors: all }, infinite));
    return first === null ? 0 : 1;
  }
  for (const [name, ours, theirs] of facts) terminal.out(`${name}: ${printable(ours)} | ${printable(theirs)}`);
  terminal.out(first === null ? agreement(all, values.tolerance) : `First difference: ${sentence(first, a!)}`);
  const shown = all.filter(({ relative }) => values.all || relative > values.tolerance);
  for (const row of table(shown.slice(0, values.rows), a!)) terminal.out(row);
  const more = shown.length - values.rows;
  if (more > 0) terminal.out(`and ${more} more tensors that differ; --rows ${shown.length} shows them`);
  return first === null ? 0 : 1;
}

/** Facts of the traces that are not the same: `request.seed  1  2`. */
function differingFacts(a: Trace, b: Trace): [name: string, ours: string, theirs: string][] {
  const [ours, theirs] = [flat(a.facts), flat(b.facts)];
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((name): [string, string, string] => [name, ours.get(name) ?? 'none', theirs.get(name) ?? 'none'])
    .filter(([, one, other]) => one !== other);
}

function flat(value: unknown, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) return new Map([[path, String(value)]]);
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => [...flat(inner, path === '' ? name : `${path}.${name}`)]),
  );
}

function agreement(all: readonly TensorDifference[], tolerance: number): string {
  const worst = all.reduce<TensorDifference | null>((a, b) => (b.relative > (a?.relative ?? 0) ? b : a), null);
  const equal = `The traces agree: ${all.length} tensors within ${tolerance} of their largest element`;
  return worst === null
    ? `${equal}, all equal.`
    : `${equal}; the worst is ${worst.name}${worst.step === null ? '' : ` of step ${worst.step}`}: ${short(worst.relative)}.`;
}

function sentence(difference: TensorDifference, { steps, layout }: Trace): string {
  const { step, name, mismatch, max, relative, at } = difference;
  const scale = at?.scale && layout.scales.length > 1 ? `, scale ${scaleText(difference, layout)}` : '';
  const where =
    step === null ? 'the finished images' : `step ${step} of ${steps[step - 1]?.of ?? steps.length}${scale}`;
  if (mismatch !== null) return `${where}, ${name}: ${mismatch}`;
  const counts = countText(difference);
  const far = counts === null ? `${short(max)}, ${short(relative)} of its largest element,` : `${counts} differ, most`;
  return `${where}, ${name}: ${far} at ${placeText(difference)}`;
}

/** Of indices it counts how many differ, not how far. */
function countText({ exact, differing, shape }: TensorDifference): string | null {
  return exact ? `${differing} of ${shape.reduce((product, size) => product * size, 1)}` : null;
}

function short(value: number): string {
  return Number.isFinite(value) ? value.toExponential(1) : '-';
}

function scaleText({ at }: TensorDifference, { scales }: Trace['layout']): string {
  if (!at?.scale) return '';
  const { height, width } = scales[at.scale.number - 1]!;
  return `${at.scale.number} (${height}x${width})`;
}

/** Where the largest difference lies, for people: everything is counted from 0 but steps and scales. */
function placeText({ at }: TensorDifference): string {
  if (at === null) return '';
  const { index, image, half, position, scale } = at;
  const token = scale === null ? '' : `, token ${position} (row ${scale.row}, column ${scale.column})`;
  return `image ${image}${half === 'null class' ? ' without its class' : ''}${token}, element [${index.join(', ')}]`;
}

function table(rows: readonly TensorDifference[], { steps, layout }: Trace): string[] {
  const cells = rows.map((row) => [
    row.step === null ? '' : `${row.step} of ${steps[row.step - 1]?.of ?? steps.length}`,
    scaleText(row, layout),
    row.name,
    row.exact ? '' : short(row.max),
    countText(row) ?? short(row.relative),
    row.exact ? '' : short(row.mean),
    row.mismatch ?? placeText(row),
  ]);
  if (cells.length === 0) return [];
  const all = [['step', 'scale', 'tensor', 'max', 'relative', 'mean', 'where the largest is'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** JSON has no infinity and no NaN. */
function infinite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
