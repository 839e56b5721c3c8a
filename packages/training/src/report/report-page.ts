import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { duration } from '@tessera/progress';
import { charts, seriesOf } from './curves.ts';
import { escape, lineChart } from './line-chart.ts';
import { reportStyle } from './report-style.ts';
import type { JsonLog, LogLine } from './training-log.ts';

/** What a report needs to know of a recipe. */
interface ReportedRecipe {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly judge?: object | null;
  readonly tokenizer?: object | null;
  readonly generator?: object | null;
}

interface Reported {
  readonly recipe: ReportedRecipe;
  readonly out: string;
  readonly log: JsonLog;
  /** The figures of a finished training. */
  readonly metrics?: Readonly<Record<string, number>>;
}

type Status = 'running' | 'stopped' | 'finished';

/**
 * Writes `report.html` into the folder of a run: progress, figures, curves, pictures and the recipe on one page without
 * external files. While the training runs, an open page loads itself again now and then.
 */
export async function writeReport({ recipe, out, log, metrics = {} }: Reported, status: Status): Promise<void> {
  const lines = await log.read();
  const body = [
    header(recipe, status),
    stageTable(recipe, lines),
    figures(metrics),
    curves(lines),
    await pictures(out, PICTURES.samples),
    await pictures(out, PICTURES.reconstructions),
    await pictures(out, PICTURES.last),
    recipeText(recipe),
  ];
  const draft = join(out, '.report.html');
  await writeFile(draft, page(recipe.title, status, body.join('\n')));
  await rename(draft, join(out, 'report.html'));
}

const REFRESH_SECONDS = 60;

function page(title: string, status: Status, body: string): string {
  const refresh = status === 'running' ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}
<title>${escape(title)}: training</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

const STATUS_WORDS: Readonly<Record<Status, string>> = {
  running: 'Running. This page loads itself again every minute.',
  stopped: 'Stopped; nothing is lost. Continue with --resume.',
  finished: 'Finished.',
};

function header({ title, name, description }: ReportedRecipe, status: Status): string {
  const when = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return `<header><h1>${escape(title)}</h1>
<p>${escape(description)}</p>
<p class="status"><strong>${STATUS_WORDS[status]}</strong> Recipe <code>${escape(name)}</code>, ${when} UTC.</p></header>`;
}

const STAGES = ['judge', 'tokenizer', 'generator'] as const;

/** Steps, speed and losses of each stage that has begun. */
function stageTable(recipe: ReportedRecipe, lines: readonly LogLine[]): string {
  const rows = STAGES.flatMap((name) => {
    const own = lines.filter(({ stage }) => stage === name);
    if (own.length === 0) return [];
    const section = recipe[name] as Partial<Record<'steps' | 'batch' | 'accumulate', number>> | null | undefined;
    const { steps = NaN, batch = NaN, accumulate = 1 } = section ?? {};
    const done = own.at(-1)!.step + 1;
    const pace = secondsPerStep(own);
    const left = pace === null || done >= steps ? '' : duration((steps - done) * pace);
    const cells = [
      `${done} / ${steps}`,
      pace === null ? '' : ((batch * accumulate) / pace).toPrecision(3),
      duration(lastOf(own, 'seconds') ?? 0),
      left,
      shownNumber(lastOf(own, 'loss')),
      shownNumber(lastOf(own, 'validation.loss')),
    ];
    return [`<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`];
  });
  const heads = ['stage', 'steps', 'images/s', 'time', 'left', 'loss', 'validation loss'];
  const head = heads.map((cell) => `<th scope="col">${cell}</th>`).join('');
  return `<section><h2>Progress</h2><div class="wide"><table><thead><tr>${head}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div></section>`;
}

/** Mean over the log, without compiling and without the gaps between two runs. Null for a log of one line. */
function secondsPerStep(lines: readonly LogLine[]): number | null {
  let [steps, seconds] = [0, 0];
  const timed = lines.filter((line) => typeof line['seconds'] === 'number');
  for (const [i, line] of timed.entries()) {
    const before = timed[i - 1];
    const [spent, compiled] = ['seconds', 'compiling'].map((name) => Number(line[name]) - Number(before?.[name]));
    if (!before || compiled! < 0) continue; // another run has begun, whose clock of compiling starts at 0
    steps += line.step - before.step;
    seconds += spent! - compiled!;
  }
  return steps > 0 ? seconds / steps : null;
}

function lastOf(lines: readonly LogLine[], name: string): number | null {
  const found = lines.findLast((line) => typeof line[name] === 'number');
  return found ? (found[name] as number) : null;
}

function shownNumber(value: number | null): string {
  return value === null ? '' : String(Number(value.toPrecision(4)));
}

function figures(metrics: Readonly<Record<string, number>>): string {
  const entries = Object.entries(metrics);
  if (entries.length === 0) return '';
  const rows = entries.map(([name, value]) => {
    return `<tr><th scope="row">${escape(name)}</th><td>${shownNumber(value)}</td></tr>`;
  });
  return `<section><h2>Figures</h2><div class="wide"><table><tbody>${rows.join('\n')}</tbody></table></div></section>`;
}

const PALETTE = { paper: 'var(--paper)', ink: 'var(--ink)', faint: 'var(--faint)', rule: 'var(--rule)' };

function curves(lines: readonly LogLine[]): string {
  const drawn = charts.flatMap(({ stage, title, names }) => {
    const own = lines.filter((line) => line.stage === stage);
    const series = names.map((name) => seriesOf(own, name)).filter(({ points }) => points.length > 1);
    if (series.length === 0) return [];
    const last = series.map(({ name, points }) => `${name} ${shownNumber(points.at(-1)![1])}`).join(', ');
    const chart = lineChart(title, series, PALETTE);
    return [`<figure>${chart}<figcaption>${escape(`At the last step: ${last}`)}</figcaption></figure>`];
  });
  return drawn.length === 0 ? '' : `<section><h2>Curves</h2><div class="charts">${drawn.join('\n')}</div></section>`;
}

interface PictureList {
  readonly title: string;
  readonly file: RegExp;
  /** The most that are shown, spread over the training. */
  readonly most: number;
  readonly caption: (file: string) => string;
}

const stepOf = (file: string) => Number(/(\d+)\.png$/.exec(file)?.[1] ?? 0);

const PICTURES = {
  samples: {
    title: 'Samples over time',
    file: /^generator-\d+\.png$/,
    most: 6,
    caption: (file) => `Samples after ${stepOf(file)} steps, one column for each class`,
  },
  reconstructions: {
    title: 'Reconstructions over time',
    file: /^tokenizer-\d+\.png$/,
    most: 4,
    caption: (file) => `Images above their reconstructions after ${stepOf(file)} steps`,
  },
  last: {
    title: 'The finished model',
    file: /^(samples|neighbours)\.png$/,
    most: 2,
    caption: (file) =>
      file === 'samples.png' ? 'Samples at the model’s own settings' : 'Samples above their nearest training images',
  },
} satisfies Record<string, PictureList>;

async function pictures(out: string, { title, file, most, caption }: PictureList): Promise<string> {
  const names = await readdir(join(out, 'pictures')).catch(() => []);
  const found = spread(names.filter((name) => file.test(name)).sort(), most);
  if (found.length === 0) return '';
  const shown = await Promise.all(
    found.map(async (name) => {
      const data = (await readFile(join(out, 'pictures', name))).toString('base64');
      const text = escape(caption(name));
      return `<figure><img src="data:image/png;base64,${data}" alt="${text}"><figcaption>${text}</figcaption></figure>`;
    }),
  );
  return `<section><h2>${title}</h2><div class="pictures">${shown.join('\n')}</div></section>`;
}

/** At most so many, evenly spread, the first and the last among them. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
}

function recipeText(recipe: ReportedRecipe): string {
  const text = escape(JSON.stringify(recipe, null, 2));
  return `<section><h2>Recipe</h2><details><summary>With all defaults</summary><pre tabindex="0">${text}</pre></details></section>`;
}
