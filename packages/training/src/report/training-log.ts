import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

/** One line of a training log: the figures of a step, by name. */
export interface LogLine {
  readonly stage: string;
  readonly step: number;
  readonly [figure: string]: number | string | readonly number[];
}

/** A log with one JSON object per line. */
export interface JsonLog {
  write(line: LogLine): Promise<void>;
  /** Removes the lines of `stage` from `step` on. A resumed training writes them again. */
  rewind(stage: string, step: number): Promise<void>;
  read(): Promise<readonly LogLine[]>;
}

/** Opens a log file. The file and its folder are created with the first line. */
export function jsonLog(path: string): JsonLog {
  const read = async (): Promise<LogLine[]> => {
    const text = await readFile(path, 'utf8').catch(() => '');
    return text.split('\n').flatMap(parseLine);
  };
  return {
    read,
    async write(line) {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, `${JSON.stringify(line)}\n`);
    },
    async rewind(stage, step) {
      const lines = await read();
      if (lines.length === 0) return;
      const kept = lines.filter((line) => line.stage !== stage || line.step < step);
      await writeFile(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
  };
}

/** Drops half a line, which a killed process may leave. Its step will be repeated. */
function parseLine(text: string): LogLine[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as LogLine];
  } catch {
    return [];
  }
}

/** Points of one line, by step. */
interface Series {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 360, 64, 16, 40, 40];
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#475569'];
const TICKS = 5;

/** Draws a line chart as a stand-alone SVG. Long series are thinned to the pixels that they have. */
export function lineChart(title: string, series: readonly Series[]): string {
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
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="600">${escape(title)}</text>`,
    ...y.ticks(TICKS).map((value) => yTick(value, y(value))),
    ...x.ticks(TICKS).map((step) => xTick(step, x(step))),
    ...shown.map(({ points }, index) => curve(points, { x, y, colour: COLOURS[index % COLOURS.length]! })),
    ...shown.map(({ name }, index) => legend(name, index)),
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

function yTick(value: number, y: number): string {
  const rule = `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="#e2e8f0"/>`;
  return `${rule}<text x="${LEFT - 8}" y="${y + 4}" font-size="11" text-anchor="end" fill="#475569">${value}</text>`;
}

function xTick(step: number, x: number): string {
  return `<text x="${x}" y="${HEIGHT - 16}" font-size="11" text-anchor="middle" fill="#475569">${step}</text>`;
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

/** The charts: which figures of which stage go into which file. */
const CHARTS = [
  { stage: 'judge', file: 'judge', title: 'Judge: cross-entropy', names: ['loss', 'validation.loss'] },
  {
    stage: 'tokenizer',
    file: 'tokenizer',
    title: 'Tokenizer: losses',
    names: ['l1', 'l2', 'quantiser', 'kl', 'validation.l1'],
  },
  { stage: 'generator', file: 'generator', title: 'Generator: loss per token', names: ['loss', 'validation.loss'] },
] as const;

/** Draws the loss curves of a run from its log, as SVG files in `curves/`. A stage without log lines gets no file. */
export async function drawCurves({ log, out }: { readonly log: JsonLog; readonly out: string }): Promise<void> {
  const lines = await log.read();
  await mkdir(join(out, 'curves'), { recursive: true });
  for (const { stage, file, title, names } of CHARTS) {
    const own = lines.filter((line) => line.stage === stage);
    const path = join(out, 'curves', `${file}.svg`);
    if (own.length === 0) await rm(path, { force: true });
    else
      await writeFile(
        path,
        lineChart(
          title,
          names.map((name) => seriesOf(own, name)),
        ),
      );
  }
}

function seriesOf(lines: readonly LogLine[], name: string): Series {
  const points = lines.flatMap((line) => {
    const value = line[name];
    return typeof value === 'number' ? [[line.step, value] as const] : [];
  });
  return { name, points };
}
