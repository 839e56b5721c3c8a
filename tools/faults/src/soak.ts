import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, follow, post, type Doors } from './client.ts';
import type { Node } from './cluster.ts';
import { randomOf, type Random } from './random.ts';

/** What a process holds. */
export interface Sample {
  readonly seconds: number;
  /** Resident memory in megabytes, and open files, of the process and those it has started. */
  readonly megabytes: number;
  readonly handles: number;
}

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly counts: Readonly<Record<string, number>>;
  /** Growth from the second quarter of the time to the last, of the medians. */
  readonly growth: { readonly megabytes: number; readonly handles: number };
}

const EVERY_MS = 1000;
/** Pieces of load that begin in a second. */
const RATE = 3;
/** Pieces under way. Where the machine is busy with other things, the load waits with it. */
const MOST = 10;
/** Images of a generation: more of them would only keep the processor busy. */
const MOST_IMAGES = 2;

/** Mixed load on one server for a while, with what its processes hold measured every second. */
export async function soak(
  node: Node,
  { seconds, seed, disposable }: { readonly seconds: number; readonly seed: number; readonly disposable: AbortSignal },
): Promise<SoakReport> {
  const doors: Doors = { url: () => `http://127.0.0.1:${node.door!.port}` };
  const random = randomOf(seed);
  const samples: Sample[] = [];
  const counts: Record<string, number> = {};
  const running = new Set<Promise<void>>();
  const { pid } = node;
  const from = performance.now();
  let failure: unknown;
  const sampling = setInterval(() => {
    try {
      samples.push(sampleOf(node, (performance.now() - from) / 1000));
    } catch (error) {
      failure ??= error;
    }
  }, EVERY_MS);
  for (let i = 0; performance.now() - from < 1000 * seconds && failure === undefined; i++) {
    const [name, work] = random.of(loads);
    const done = work({ doors, random, i, until: disposable }).then(
      () => void (counts[name] = (counts[name] ?? 0) + 1),
      (error: unknown) => void (failure ??= error),
    );
    running.add(done);
    void done.finally(() => running.delete(done));
    while (running.size >= MOST) await Promise.race(running);
    await wait(1000 / RATE);
  }
  clearInterval(sampling);
  await Promise.all(running);
  if (failure !== undefined) throw failure;
  if (node.pid !== pid) throw new Error('The server ended, and was started again.');
  return { samples, counts, growth: growthOf(samples) };
}

interface Work {
  readonly doors: Doors;
  readonly random: Random;
  readonly i: number;
  readonly until: AbortSignal;
}

const models = ['digits-var', 'digits-mar', 'digits-mar-categorical', 'digits-var-diffusion'] as const;

async function generate({ doors, random, i, until }: Work, cancel: boolean): Promise<string> {
  const wish = { key: `soak-${i}`, model: random.of(models), seed: i, images: 1 + random.below(MOST_IMAGES), cancel };
  const { accepted } = await ask(doors, wish, until);
  const id = accepted[0]!;
  await Promise.all([1, 2].map(() => follow(doors, id, { subscriber: wish.key, random, until })));
  return id;
}

const loads: readonly (readonly [string, (work: Work) => Promise<unknown>])[] = [
  ['generate', (work) => generate(work, false)],
  ['cancel', (work) => generate(work, true)],
  [
    'delete',
    async (work) => {
      const id = await generate(work, false);
      const text = `mutation ($input: DeleteGenerationInput!) { deleteGeneration(input: $input) { __typename } }`;
      await post(work.doors, text, { input: { id } }, work.until);
    },
  ],
  [
    'list',
    async ({ doors, until }) => {
      const text =
        '{ generations(first: 20) { edges { node { id state images { picture { url } } } } } models { name classes { name } } }';
      for (let page = 0; page < 10; page++) await post(doors, text, {}, until);
    },
  ],
  [
    'mistakes',
    async ({ doors }) => {
      for (const body of ['{', '{"query":"{ nothing }"}', '{"query":"mutation { createGeneration }"}']) {
        const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
        // The server may close a connection that was idle in the moment in which it is taken.
        const response = await fetch(`${doors.url()}/graphql`, request).catch(() => null);
        await response?.text();
      }
    },
  ],
  [
    'hang up',
    async ({ doors, random, i, until }) => {
      const { accepted } = await ask(
        doors,
        { key: `soak-${i}`, model: 'digits-mar', seed: i, images: MOST_IMAGES, cancel: false },
        until,
      );
      const gone = AbortSignal.any([until, AbortSignal.timeout(50)]);
      await follow(doors, accepted[0]!, { subscriber: '', random, until: gone }).catch(() => undefined);
    },
  ],
];

function sampleOf(node: Node, seconds: number): Sample {
  const pids = [node.pid!, ...node.children()];
  const kilobytes = pids.map((pid) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  );
  const handles = pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { seconds, megabytes: sum(kilobytes) / 1024, handles: sum(handles) };
}

function growthOf(samples: readonly Sample[]): SoakReport['growth'] {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(3 * quarter)];
  const grown = (of: (sample: Sample) => number): number => median(last.map(of)) - median(second.map(of));
  return { megabytes: grown(({ megabytes }) => megabytes), handles: grown(({ handles }) => handles) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
