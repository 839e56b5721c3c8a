import { chart, intervalOf, type ChartSeries, type FigureName, type Interval } from '@tessera/evaluation';
import { shown, shownFigures, titleOf } from '../evaluation/report.ts';
import { type Cell, samePoint, type SweepManner } from './cells.ts';
import type { GridPoint } from './grid.ts';

/** A point of the grid over all its seeds. */
export interface SweepRow {
  readonly named: GridPoint['named'];
  readonly seeds: readonly number[];
  readonly figures: Readonly<Partial<Record<FigureName, Interval>>>;
  /** Of all cores: other work on the machine hardly changes it. */
  readonly processorSecondsPerImage: Interval;
}

/** The points that have cells, in the order of the grid. */
export function rowsOf(points: readonly GridPoint[], cells: readonly Cell[]): readonly SweepRow[] {
  return points.flatMap(({ named }) => {
    const own = cells.filter((cell) => samePoint(cell.named, named));
    if (own.length === 0) return [];
    const figures = (Object.keys(shownFigures) as FigureName[]).flatMap((name) => {
      const values = own.flatMap((cell) => cell.figures[name] ?? []);
      return values.length === own.length ? [[name, intervalOf(values)] as const] : [];
    });
    return [
      {
        named,
        seeds: own.map(({ seed }) => seed),
        figures: Object.fromEntries(figures),
        processorSecondsPerImage: intervalOf(own.map((cell) => cell.processorSecondsPerImage)),
      },
    ];
  });
}

/** The rows as cells of a table; the first row is the head. */
export function tableOf(rows: readonly SweepRow[], { network }: SweepManner): readonly (readonly string[])[] {
  const settings = Object.keys(rows[0]?.named ?? {});
  const names = (Object.keys(shownFigures) as FigureName[]).filter((name) => rows.every((row) => row.figures[name]));
  const words = (name: FigureName, { mean, half }: Interval): string =>
    `${shown(name, mean)}${half === null ? '' : ` ± ${shown(name, half)}`}`;
  return [
    [...settings, ...names.map((name) => titleOf(name, { name: network })), 'processor ms per image'],
    ...rows.map(({ named, figures, processorSecondsPerImage }) => [
      ...settings.map((name) => named[name]!),
      ...names.map((name) => words(name, figures[name]!)),
      (1000 * processorSecondsPerImage.mean).toFixed(1),
    ]),
  ];
}

/** The table in Markdown, with what was measured above it. */
export function markdownOf(rows: readonly SweepRow[], manner: SweepManner): string {
  const [head, ...body] = tableOf(rows, manner);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const floor = (Object.keys(shownFigures) as FigureName[]).flatMap((name) => {
    const value = manner.floor?.[name];
    return value === undefined || value === null
      ? []
      : [`${titleOf(name, { name: manner.network })} ${shown(name, value)}`];
  });
  return [
    `${manner.model}, ${manner.samples} images in each set, seeds ${rows[0]?.seeds.join(', ') ?? ''}, against ${manner.against}; network ${manner.network} ${manner.networkSha256.slice(0, 12)}.`,
    ...(floor.length > 0 ? ['', `As many real test images: ${floor.join(', ')}.`] : []),
    '',
    line(head!),
    line(head!.map(() => '---')),
    ...body.map(line),
    '',
  ].join('\n');
}

/** Quality against diversity: what guidance trades. */
export function diversityChart(rows: readonly SweepRow[], { model }: SweepManner): string {
  const quality: FigureName = rows.every((row) => row.figures.recognised) ? 'recognised' : 'precision';
  return chart({
    title: `${model}: quality against diversity`,
    x: { label: 'recall: share of real images that samples cover' },
    y: { label: quality === 'recognised' ? 'share of samples recognised as their class' : 'precision' },
    series: seriesOf(rows, (row) => [row.figures.recall, row.figures[quality]]),
  });
}

/** Time against quality: what fewer steps cost. */
export function timeChart(rows: readonly SweepRow[], { model, network }: SweepManner): string {
  return chart({
    title: `${model}: time against quality`,
    x: { label: 'processor seconds per image, of all cores' },
    y: { label: titleOf('frechetDistance', { name: network }) },
    series: seriesOf(rows, (row) => [row.processorSecondsPerImage, row.figures.frechetDistance]),
  });
}

/** Points that differ in the first setting alone are joined by a line. */
function seriesOf(
  rows: readonly SweepRow[],
  valuesOf: (row: SweepRow) => readonly [Interval | undefined, Interval | undefined],
): readonly ChartSeries[] {
  const [first, ...others] = Object.keys(rows[0]?.named ?? {});
  const lines = new Map<string, SweepRow[]>();
  for (const row of rows) {
    const name = others.map((other) => `${other} ${row.named[other]}`).join(', ');
    lines.set(name, [...(lines.get(name) ?? []), row]);
  }
  return [...lines].map(([name, members]) => ({
    name,
    line: true,
    points: members.flatMap((row) => {
      const [x, y] = valuesOf(row);
      if (!x || !y) return [];
      return [
        { x: x.mean, y: y.mean, xHalf: x.half, yHalf: y.half, label: first ? `${first} ${row.named[first]}` : '' },
      ];
    }),
  }));
}
