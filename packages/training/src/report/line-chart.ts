import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

/** Points of one line, by step. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 360, 64, 16, 40, 40];
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#475569'];
const TICKS = 5;

/** What a chart is painted with; a page may give variables of its style sheet. */
export interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly faint: string;
  readonly rule: string;
}

const FOR_FILES: Palette = { paper: '#ffffff', ink: '#000000', faint: '#475569', rule: '#e2e8f0' };

/** Draws a line chart as a stand-alone SVG. Long series are thinned to the pixels that they have. */
export function lineChart(title: string, series: readonly Series[], palette = FOR_FILES): string {
  const shown = series.filter(({ points }) => points.length > 0);
  const all = shown.flatMap(({ points }) => points);
  const x = axis(
    all.map(([step]) => step),
    [LEFT, WIDTH - RIGHT],
  );
  const y = axis(
    all.map(([, value]) => value),
    [HEIGHT - BOTTOM, TOP],
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${palette.paper}"/>`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="600" fill="${palette.ink}">${escape(title)}</text>`,
    ...y.ticks(TICKS).map((value) => yTick(value, y(value), palette)),
    ...x.ticks(TICKS).map((step) => xTick(step, x(step), palette)),
    ...shown.map(({ points }, index) => curve(points, { x, y, colour: COLOURS[index % COLOURS.length]! })),
    ...shown.map(({ name }, index) => legend(name, index, palette)),
    '</svg>\n',
  ].join('\n');
}

type Axis = ScaleLinear<number, number>;

/** From the least to the greatest finite value. */
function axis(values: readonly number[], range: readonly [from: number, to: number]): Axis {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
  const high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  if (finite.length === 0) return scaleLinear([0, 1], range);
  return scaleLinear([low, high > low ? high : low + 1], range);
}

function curve(points: Series['points'], { x, y, colour }: { x: Axis; y: Axis; colour: string }): string {
  const stride = Math.max(1, Math.floor(points.length / (WIDTH - LEFT)));
  const kept = points.filter(([, value], i) => i % stride === 0 && Number.isFinite(value));
  const path = line<Series['points'][number]>()
    .x(([step]) => x(step))
    .y(([, value]) => y(value))
    .digits(1);
  return `<path d="${path(kept) ?? ''}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

function yTick(value: number, y: number, { rule, faint }: Palette): string {
  const tick = `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="${rule}"/>`;
  return `${tick}<text x="${LEFT - 8}" y="${y + 4}" font-size="11" text-anchor="end" fill="${faint}">${value}</text>`;
}

function xTick(step: number, x: number, { faint }: Palette): string {
  return `<text x="${x}" y="${HEIGHT - 16}" font-size="11" text-anchor="middle" fill="${faint}">${step}</text>`;
}

function legend(name: string, index: number, { ink }: Palette): string {
  const x = WIDTH - RIGHT - 150;
  const y = TOP + 12 + 18 * index;
  const colour = COLOURS[index % COLOURS.length]!;
  return `<rect x="${x}" y="${y - 8}" width="14" height="4" fill="${colour}"/><text x="${x + 20}" y="${y}" font-size="12" fill="${ink}">${escape(name)}</text>`;
}

/** Text as markup shows it. */
export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
