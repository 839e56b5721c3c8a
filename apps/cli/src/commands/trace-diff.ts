import { flag, integer, number, type Arguments } from '@tessera/command-line';
import { isTesseraError, printable } from '@tessera/errors';
import { compareTraces, firstDifference, readTrace, type TensorDifference, type Trace } from '@tessera/trace';
import type { Command } from '../command.ts';
import type { Terminal } from '../terminal.ts';

const options = {
  tolerance: number({
    value: 'X',
    from: 0,
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
  notes: [
    'Exit codes, as of diff: 0 the traces agree, 1 they differ, 2 trouble (a missing or damaged trace, a wrong option).',
  ],
  trouble: 2,
  examples: [
    'tessera trace diff traces/onnx traces/eager',
    'tessera trace diff traces/before traces/after --tolerance 0 --json',
  ],
  run,
};

/** With --json also says on stdout why the traces cannot be compared. */
async function run(given: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  try {
    return await compare(given, terminal);
  } catch (error) {
    if (given.values.json && isTesseraError(error)) {
      terminal.out(JSON.stringify({ error: { code: error.code, message: error.message } }));
    }
    throw error;
  }
}

/** Returns 1 where a tensor differs beyond the tolerance, else 0. */
async function compare({ positionals, values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const [a, b] = await Promise.all(positionals.map((folder) => readTrace(folder)));
  const all = compareTraces(a!, b!);
  const first = firstDifference(all, values.tolerance);
  const facts = differingFacts(a!, b!);
  if (values.json) {
    terminal.out(JSON.stringify({ differs: first !== null, first, facts, tensors: all }, infinite));
    return first === null ? 0 : 1;
  }
  const pictures = otherPictures(facts);
  if (pictures !== null) terminal.out(pictures);
  for (const [name, ours, theirs] of facts) terminal.out(`${name}: ${printable(ours)} | ${printable(theirs)}`);
  terminal.out(first === null ? agreement(all, values.tolerance) : `First difference: ${sentence(first, a!)}`);
  const shared = sharedNaN(all, a!);
  if (shared !== null) terminal.out(shared);
  const shown = all.filter(({ relative }) => values.all || relative > values.tolerance);
  for (const row of table(shown.slice(0, values.rows), a!)) terminal.out(row);
  const more = shown.length - values.rows;
  if (more > 0) terminal.out(`and ${more} more tensors that differ; --rows ${shown.length} shows them`);
  return first === null ? 0 : 1;
}

type DifferingFact = readonly [name: string, ours: string, theirs: string];

const PICTURE = 'edit.sha256.';

/** Said before anything else: another picture explains every other difference. */
function otherPictures(facts: readonly DifferingFact[]): string | null {
  const names = facts.filter(([name]) => name.startsWith(PICTURE)).map(([name]) => name.slice(PICTURE.length));
  return names.length === 0
    ? null
    : `The traces were made from other pictures: the ${names.join(' and the ')} differs.`;
}

/** NaN in both traces is no difference, but hardly what was wanted. */
function sharedNaN(all: readonly TensorDifference[], { steps }: Trace): string | null {
  const [first, ...more] = all.filter(({ nans }) => nans.both > 0);
  if (!first) return null;
  const where = first.step === null ? 'the finished images' : `step ${first.step} of ${steps.length}`;
  const count = `${first.nans.both} of ${elementsOf(first)} elements`;
  const others = more.length === 0 ? '' : `, and ${more.length} more tensors`;
  return `Both hold NaN at the same places: ${where}, ${first.name} (${count})${others}.`;
}

/** Facts of the traces that are not the same: `request.seed  1  2`. */
function differingFacts(a: Trace, b: Trace): DifferingFact[] {
  const [ours, theirs] = [flat(a.facts), flat(b.facts)];
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((name): DifferingFact => [name, ours.get(name) ?? 'none', theirs.get(name) ?? 'none'])
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
  const nan = oneSidedNaN(difference);
  if (nan !== null) return `${where}, ${name}: ${nan}, first at ${placeText(difference)}`;
  const counts = countText(difference);
  const far = counts === null ? `${short(max)}, ${short(relative)} of its largest element,` : `${counts} differ, most`;
  return `${where}, ${name}: ${far} at ${placeText(difference)}`;
}

/** Of indices it counts how many differ, not how far. */
function countText(difference: TensorDifference): string | null {
  return difference.exact ? `${difference.differing} of ${elementsOf(difference)}` : null;
}

function elementsOf({ shape }: TensorDifference): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** `NaN in 3 elements of the second trace alone`; null where neither has NaN where the other has a number. */
function oneSidedNaN({ nans: { first, second } }: TensorDifference): string | null {
  const counts = [
    ...(first > 0 ? [`${first} elements of the first trace alone`] : []),
    ...(second > 0 ? [`${second} elements of the second trace alone`] : []),
  ];
  return counts.length === 0 ? null : `NaN in ${counts.join(' and ')}`.replace(/\b1 elements/g, '1 element');
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
  const cells = rows.map((row) => {
    const nan = oneSidedNaN(row);
    const far = (value: number) => (nan === null ? short(value) : 'NaN');
    return [
      row.step === null ? '' : `${row.step} of ${steps[row.step - 1]?.of ?? steps.length}`,
      scaleText(row, layout),
      row.name,
      row.exact ? '' : far(row.max),
      countText(row) ?? far(row.relative),
      row.exact ? '' : far(row.mean),
      row.mismatch ?? (nan === null ? placeText(row) : `${placeText(row)}; ${nan}`),
    ];
  });
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
