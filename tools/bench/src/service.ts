import { fileURLToPath } from 'node:url';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import type { BenchmarkRun, Print } from './arguments.ts';
import { alternate, type Figures, median, startOwnSide } from './measure.ts';
import { seconds, table } from './format.ts';
import { serviceSide, startService, type Service } from './service-client.ts';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly count: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly preview: 'none' | 'linear' | 'decoded';
}

const cases: readonly Case[] = [
  { name: 'digits-var, 1 image', model: 'digits-var', count: 1, options: {}, preview: 'none' },
  { name: 'digits-var, 1, decoded previews', model: 'digits-var', count: 1, options: {}, preview: 'decoded' },
  { name: 'digits-mar, 4 images', model: 'digits-mar', count: 4, options: {}, preview: 'none' },
  {
    name: 'digits-mar-categorical, 4 steps',
    model: 'digits-mar-categorical',
    count: 1,
    options: { steps: 4 },
    preview: 'none',
  },
  {
    name: 'digits-mar-categorical, 64 steps',
    model: 'digits-mar-categorical',
    count: 1,
    options: { steps: 64 },
    preview: 'none',
  },
  {
    name: 'digits-mar, 64 images',
    model: 'digits-mar',
    count: 64,
    options: {},
    preview: 'none',
  },
];

/** What the service adds to plain `generate`, and what its batches save. */
export const benchService: BenchmarkRun = async (request, print) => {
  const service = await startService(request);
  try {
    const overhead = await measureOverhead(service, request, print);
    const batching = await measureBatching(service, request.images, print);
    return { overhead, batching };
  } finally {
    await service.end();
  }
};

/** A new service is slower: its code is compiled while it answers its first hundred requests. */
const WARM_SECONDS = 6;

interface Overhead {
  readonly name: string;
  /** Seconds, medians. */
  readonly service: number;
  readonly plain: number;
  /** Median of the paired differences, seconds. */
  readonly added: number;
  readonly ratio: number;
  /** From the first step of plain `generate` to the event at the client, seconds. */
  readonly first: number;
}

async function measureOverhead(
  service: Service,
  { images: rounds, threads }: { readonly images: number; readonly threads: number },
  print: Print,
): Promise<Overhead[]> {
  const measured: Overhead[] = [];
  for (const { name, model, count, options, preview } of cases) {
    const labels = Array.from({ length: count }, (_, i) => i % 10);
    const request: ModelRequest = { images: imagesOfClasses(labels), seed: 1, options, preview };
    const folder = fileURLToPath(new URL(`../../../models/${model}`, import.meta.url));
    const plain = await startOwnSide('generation', { folder, threads, request });
    const input = {
      ...request,
      model,
      preview: preview.toUpperCase(),
      images: labels.map((label) => ({ condition: { label } })),
    };
    const sides = [serviceSide(service, 'service', [input]), plain];
    const [ours, theirs] = await alternate(sides, { rounds, warmUp: WARM_SECONDS }, () => undefined).finally(() =>
      plain.end(),
    );
    measured.push({
      name,
      service: ours!.figures['total']!,
      plain: theirs!.figures['total']!,
      added: medianDifference(ours!.runs, theirs!.runs, 'total'),
      ratio: ours!.figures['total']! / theirs!.figures['total']!,
      first: medianDifference(ours!.runs, theirs!.runs, 'first'),
    });
  }
  const milliseconds = (value: number): string => `${(1000 * value).toFixed(1)} ms`;
  print(
    table([
      [`medians of ${rounds} pairs`, 'service', 'plain generate', 'added', 'ratio', 'first step event after'],
      ...measured.map((one) => [
        one.name,
        ...[one.service, one.plain, one.added].map(milliseconds),
        one.ratio.toFixed(3),
        milliseconds(one.first),
      ]),
    ]),
  );
  const [few, many] = measured.filter(({ name }) => name.startsWith('digits-mar-categorical'));
  print(`a step adds ${milliseconds((many!.added - few!.added) / 60)}, from the cases of 4 and 64 steps`);
  return measured;
}

function medianDifference(ours: readonly Figures[], theirs: readonly Figures[], name: string): number {
  return median(ours.map((figures, i) => figures[name]! - theirs[i]![name]!));
}

/** 64 requests of one image beside one request of 64. */
async function measureBatching(service: Service, rounds: number, print: Print): Promise<object> {
  const result: Record<string, number> = {};
  for (const [model, options] of [
    ['digits-var', {}],
    ['digits-mar', { steps: 8 }],
  ] as const) {
    const image = (i: number) => ({ condition: { label: i % 10 } });
    const base = { model, options, preview: 'NONE' };
    const many = Array.from({ length: 64 }, (_, i) => ({ ...base, seed: 100 + i, images: [image(i)] }));
    const one = [{ ...base, seed: 100, images: Array.from({ length: 64 }, (_, i) => image(i)) }];
    const sides = [serviceSide(service, '64 of 1', many), serviceSide(service, '1 of 64', one)];
    const [split, whole] = await alternate(sides, { rounds, warmUp: WARM_SECONDS }, () => undefined);
    const ratio = split!.figures['total']! / whole!.figures['total']!;
    print(
      `${model}: 64 requests of one image ${seconds(split!.figures['total']!)}, one of 64 ${seconds(whole!.figures['total']!)}: ${ratio.toFixed(2)} times`,
    );
    result[model] = ratio;
  }
  return result;
}
