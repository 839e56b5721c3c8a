/** Points of one line, by step. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 360, 64, 16, 40, 40];
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#475569'];

/** A line chart as a stand-alone SVG. Long series are thinned to what the picture can show. */
export function lineChart(title: string, series: readonly Series[]): string {
  const shown = series.filter(({ points }) => points.length > 0);
  const steps = shown.flatMap(({ points }) => points.map(([step]) => step));
  const values = shown.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const x = axis(steps, LEFT, WIDTH - RIGHT);
  const y = axis(values, HEIGHT - BOTTOM, TOP);
  const parts = [
    `<text x="${LEFT}" y="22" font-size="15" font-weight="600">${escape(title)}</text>`,
    ...ticks(y.low, y.high).map((value) => yTick(value, y.at(value))),
    ...ticks(x.low, x.high).map((step) => xTick(step, x.at(step))),
    ...shown.map(({ points }, index) => polyline(points, { x, y, colour: COLOURS[index % COLOURS.length]! })),
    ...shown.map(({ name }, index) => legend(name, index)),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

interface Axis {
  readonly low: number;
  readonly high: number;
  at(value: number): number;
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!Number.isFinite(low)) return { low: 0, high: 1, at: () => from };
  const span = high - low || 1;
  return { low, high: low + span, at: (value) => Number((from + ((value - low) / span) * (to - from)).toFixed(1)) };
}

/** Round numbers from `low` to `high`, about five of them. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}

function yTick(value: number, y: number): string {
  const line = `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="#e2e8f0"/>`;
  return `${line}<text x="${LEFT - 8}" y="${y + 4}" font-size="11" text-anchor="end" fill="#475569">${value}</text>`;
}

function xTick(step: number, x: number): string {
  return `<text x="${x}" y="${HEIGHT - 16}" font-size="11" text-anchor="middle" fill="#475569">${step}</text>`;
}

function polyline(points: Series['points'], { x, y, colour }: { x: Axis; y: Axis; colour: string }): string {
  const stride = Math.max(1, Math.floor(points.length / (WIDTH - LEFT)));
  const kept = points.filter(([, value], i) => i % stride === 0 && Number.isFinite(value));
  const path = kept.map(([step, value]) => `${x.at(step)},${y.at(value)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

function legend(name: string, index: number): string {
  const x = WIDTH - RIGHT - 150;
  const y = TOP + 12 + 18 * index;
  const colour = COLOURS[index % COLOURS.length]!;
  return `<rect x="${x}" y="${y - 8}" width="14" height="4" fill="${colour}"/><text x="${x + 20}" y="${y}" font-size="12">${escape(name)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
