import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

/** One axis of a chart. */
interface Axis {
  readonly label: string;
  /** Powers of ten in equal steps. All values must be above 0. */
  readonly log?: boolean;
}

/** A point with half of its interval along both axes. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly xHalf?: number | null;
  readonly yHalf?: number | null;
  readonly label?: string;
}

/** Points of one kind. */
export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** Whether a line joins the points; `only` draws no points. */
  readonly line?: boolean | 'only';
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly ChartSeries[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 440, 72, 24, 48, 56];
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#475569'];
const TICKS = 6;
/** Free space around the points, as a share of their range. */
const MARGIN = 0.08;

/** A position on the page for a value, and where ticks stand. */
interface Scale {
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** Draws points with their intervals as a stand-alone SVG. Points that are not finite are left out. */
export function chart({ title, x, y, series }: Chart): string {
  const shown = series.map((one) => ({ ...one, points: one.points.filter(isFinitePoint) }));
  const all = shown.flatMap(({ points }) => points);
  const scales = {
    x: scaleOf(x, extentOf(all.map((point) => [point.x, point.xHalf ?? 0])), [LEFT, WIDTH - RIGHT]),
    y: scaleOf(y, extentOf(all.map((point) => [point.y, point.yHalf ?? 0])), [HEIGHT - BOTTOM, TOP]),
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="600">${escape(title)}</text>`,
    ...scales.y.ticks.map(({ value, text }) => yTick(scales.y.at(value), text)),
    ...scales.x.ticks.map(({ value, text }) => xTick(scales.x.at(value), text)),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" font-size="12" text-anchor="middle">${escape(x.label)}</text>`,
    `<text x="16" y="${(TOP + HEIGHT - BOTTOM) / 2}" font-size="12" text-anchor="middle" transform="rotate(-90 16 ${(TOP + HEIGHT - BOTTOM) / 2})">${escape(y.label)}</text>`,
    ...shown.flatMap((one, index) => drawSeries(one, { scales, colour: COLOURS[index % COLOURS.length]! })),
    ...(shown.length > 1 ? shown.map(({ name }, index) => legend(name, index)) : []),
    '</svg>\n',
  ].join('\n');
}

function isFinitePoint({ x, y }: ChartPoint): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function extentOf(values: readonly (readonly [value: number, half: number])[]): readonly [number, number] {
  const low = values.reduce((least, [value, half]) => Math.min(least, value - half), Infinity);
  const high = values.reduce((most, [value, half]) => Math.max(most, value + half), -Infinity);
  return values.length === 0 ? [0, 1] : [low, high];
}

function scaleOf({ log = false }: Axis, [low, high]: readonly [number, number], range: [number, number]): Scale {
  if (log) {
    const [from, to] = [Math.max(low, high / 1e12) / 1.2, high * 1.2];
    const scale = scaleLog([from, to], range);
    const ticks = scale.ticks(TICKS).filter((value) => scale.tickFormat(TICKS)(value) !== '');
    return { at: scale, ticks: ticks.map((value) => ({ value, text: String(Number(value.toPrecision(3))) })) };
  }
  const margin = MARGIN * (high - low) || Math.abs(high) * MARGIN || 1;
  const scale = scaleLinear([low - margin, high + margin], range);
  return { at: scale, ticks: scale.ticks(TICKS).map((value) => ({ value, text: String(value) })) };
}

interface Drawing {
  readonly scales: { readonly x: Scale; readonly y: Scale };
  readonly colour: string;
}

function drawSeries({ points, line: joined = false }: ChartSeries, { scales: { x, y }, colour }: Drawing): string[] {
  const path = line<ChartPoint>()
    .x((point) => x.at(point.x))
    .y((point) => y.at(point.y))
    .digits(1);
  const curve = joined
    ? [`<path d="${path(points) ?? ''}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-opacity="0.7"/>`]
    : [];
  return joined === 'only'
    ? curve
    : [...curve, ...points.map((point) => drawPoint(point, { scales: { x, y }, colour }))];
}

function drawPoint(point: ChartPoint, { scales: { x, y }, colour }: Drawing): string {
  const [px, py] = [x.at(point.x).toFixed(1), y.at(point.y).toFixed(1)];
  const bar = (from: readonly [string, string], to: readonly [string, string]): string =>
    `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="${colour}" stroke-opacity="0.5"/>`;
  const across = point.xHalf
    ? bar([x.at(point.x - point.xHalf).toFixed(1), py], [x.at(point.x + point.xHalf).toFixed(1), py])
    : '';
  const along = point.yHalf
    ? bar([px, y.at(point.y - point.yHalf).toFixed(1)], [px, y.at(point.y + point.yHalf).toFixed(1)])
    : '';
  const text = point.label
    ? `<text x="${(x.at(point.x) + 7).toFixed(1)}" y="${(y.at(point.y) - 6).toFixed(1)}" font-size="11" fill="#334155">${escape(point.label)}</text>`
    : '';
  return `${across}${along}<circle cx="${px}" cy="${py}" r="4" fill="${colour}"/>${text}`;
}

function yTick(y: number, text: string): string {
  const rule = `<line x1="${LEFT}" y1="${y.toFixed(1)}" x2="${WIDTH - RIGHT}" y2="${y.toFixed(1)}" stroke="#e2e8f0"/>`;
  return `${rule}<text x="${LEFT - 8}" y="${(y + 4).toFixed(1)}" font-size="11" text-anchor="end" fill="#475569">${text}</text>`;
}

function xTick(x: number, text: string): string {
  return `<text x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" font-size="11" text-anchor="middle" fill="#475569">${text}</text>`;
}

function legend(name: string, index: number): string {
  const [x, y] = [WIDTH - RIGHT - 190, TOP + 8 + 18 * index];
  const colour = COLOURS[index % COLOURS.length]!;
  return `<rect x="${x}" y="${y - 8}" width="14" height="4" fill="${colour}"/><text x="${x + 20}" y="${y - 2}" font-size="12">${escape(name)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
