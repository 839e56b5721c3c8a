import { startPostgres } from '@tessera/store/testing';
import type { BenchmarkRun } from './arguments.ts';
import { table } from './format.ts';
import { alternate } from './measure.ts';
import { serviceSide, startService, type Service } from './service-client.ts';

/** Requests of one image each that are created at once. */
const REQUESTS = 128;
/** Small enough that no worker takes a large share of them by its first claim. */
const MAX_BATCH = 16;

const cases = [
  { model: 'digits-var', options: {} },
  { model: 'digits-mar', options: { steps: 8 } },
] as const;

/** What a second worker process gains: the same requests for one worker and for two, with the threads divided between them. */
export const benchWorkers: BenchmarkRun = async ({ images: rounds, threads }, print) => {
  const half = Math.max(1, Math.floor(threads / 2));
  const settings = [
    { workers: 1, each: threads },
    { workers: 1, each: half },
    { workers: 2, each: half },
  ];
  const postgres = await startPostgres();
  const services: Service[] = [];
  try {
    for (const { workers, each } of settings) {
      const shared = { databaseUrl: await postgres.database(), workers, maxBatch: MAX_BATCH };
      services.push(await startService({ threads: each, shared }));
    }
    const rates: Record<string, readonly number[]> = {};
    for (const { model, options } of cases) {
      const image = (i: number) => ({ condition: { label: i % 10 } });
      const inputs = Array.from({ length: REQUESTS }, (_, i) => ({
        ...{ model, options, preview: 'NONE' },
        seed: 100 + i,
        images: [image(i)],
      }));
      const sides = services.map((service, i) => serviceSide(service, nameOf(settings[i]!), inputs));
      const measured = await alternate(sides, { rounds, warmUp: true }, () => undefined);
      rates[model] = measured.map(({ figures }) => REQUESTS / figures['total']!);
    }
    print(`${REQUESTS} requests of one image at once, images a second, medians of ${rounds}`);
    const gains = ([all, one, two]: readonly number[]) => [two! / one!, two! / all!].map((gain) => gain.toFixed(2));
    print(
      table([
        ['', ...settings.map(nameOf), 'gain of the second', 'two over one with all threads'],
        ...Object.entries(rates).map(([model, all]) => [model, ...all.map((rate) => rate.toFixed(1)), ...gains(all)]),
      ]),
    );
    return { settings, rates };
  } finally {
    for (const service of services) await service.end();
    await postgres.stop();
  }
};

function nameOf({ workers, each }: { readonly workers: number; readonly each: number }): string {
  return `${workers} worker${workers > 1 ? 's' : ''} of ${each} thread${each > 1 ? 's' : ''}`;
}
