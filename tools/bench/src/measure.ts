import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';
import { modelEnvironment } from '@tessera/node-kit';
import type { EngineOptions } from '@tessera/targets';
import type { BenchArguments, Print } from './arguments.ts';
import type { Job } from './jobs.ts';
import { seconds } from './format.ts';

export interface Comparison {
  readonly ours: Measured;
  /** PyTorch at its fastest; null when it was left out. */
  readonly torch: Measured | null;
  /** PyTorch at every precision that was measured. */
  readonly peers: readonly Measured[];
  /** Our time over that of `torch`; null without it. */
  readonly ratio: number | null;
}

/** Where our side runs; PyTorch gets as many threads. */
export type SideEngine = Omit<EngineOptions, 'threads'>;

/** Runs a job on the default target and on PyTorch, in turn. */
export async function compareSides(request: BenchArguments, job: Job, print: Print): Promise<Comparison> {
  const engines = [job.kind === 'inference' ? { precision: request.precision } : {}];
  const { ours, peers } = await measureSides(request, { job, engines, precisions: peersOf(request) }, print);
  const time = ({ figures }: Measured): number => figures['total']!;
  const torch = peers.toSorted((a, b) => time(a) - time(b))[0] ?? null;
  return { ours: ours[0]!, torch, peers, ratio: torch && time(ours[0]!) / time(torch) };
}

/** The precisions of PyTorch's side. */
type Peer = 'float32' | 'bfloat16' | 'int8';

/** Processors without instructions for bfloat16 take six times as long as in float32 for it. */
function peersOf({ peer }: BenchArguments): readonly Peer[] {
  if (peer !== 'best') return ['float32'];
  return hasBfloat16() ? ['float32', 'bfloat16', 'int8'] : ['float32', 'int8'];
}

/** As Linux tells it; elsewhere it is tried. */
function hasBfloat16(): boolean {
  const processor = '/proc/cpuinfo';
  return !existsSync(processor) || /\b(avx512_bf16|amx_bf16|bf16)\b/.test(readFileSync(processor, 'utf8'));
}

interface Sides {
  readonly job: Job;
  readonly engines: readonly SideEngine[];
  /** Of PyTorch: a side each. */
  readonly precisions?: readonly Peer[];
}

/** Starts a side for every engine, and PyTorch's, runs them in turn, and ends them whatever happens. */
export async function measureSides(
  request: BenchArguments,
  { job, engines, precisions = ['float32'] }: Sides,
  print: Print,
): Promise<{ readonly ours: readonly Measured[]; readonly peers: readonly Measured[] }> {
  const { python, images, threads } = request;
  const { name, ours, torch, warmUp = true } = job;
  const sides: Side[] = [];
  try {
    for (const engine of engines) {
      sides.push(await startOwnSide(name.ours, { ...ours, engine: { ...engine, threads } }));
    }
    for (const precision of precisions) {
      if (python !== null) sides.push(await startTorchSide(python, name.torch, { ...torch, threads, precision }));
    }
    const measured = await alternate(sides, { rounds: images, warmUp }, ({ runtime }, figures) =>
      print(`  ${runtime}: ${seconds(figures['total']!)}`),
    );
    return { ours: measured.slice(0, engines.length), peers: measured.slice(engines.length) };
  } finally {
    await Promise.all(sides.map((side) => side.end()));
  }
}

interface Measured {
  readonly runtime: string;
  /** Medians over the measured runs; for peak memory the largest. */
  readonly figures: Figures;
  /** Every measured run, in order. */
  readonly runs: readonly Figures[];
}

interface Rounds {
  /** Measured runs of each side. */
  readonly rounds: number;
  /** A round before them that is not counted, or as many as take so many seconds; sides that warm up by themselves need none. */
  readonly warmUp: boolean | number;
}

/** Runs the sides in turn, A B A B, so that other work on the machine meets both alike. */
export async function alternate(
  sides: readonly Side[],
  { rounds, warmUp }: Rounds,
  seen: (side: Side, figures: Figures) => void,
): Promise<Measured[]> {
  const runs = sides.map((): Figures[] => []);
  const warm = performance.now() + (typeof warmUp === 'number' ? 1000 * warmUp : 0);
  if (warmUp !== false) {
    do for (const side of sides) await side.run();
    while (performance.now() < warm);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const [i, side] of sides.entries()) {
      const figures = await side.run();
      runs[i]!.push(figures);
      seen(side, figures);
    }
  }
  return sides.map(({ runtime }, i) => ({ runtime, figures: summarise(runs[i]!), runs: runs[i]! }));
}

function summarise(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const values = runs.map((figures) => figures[name]!);
      return [name, name === 'peakMemory' ? Math.max(...values) : median(values)];
    }),
  );
}

/** Numbers that one run of a side reports: seconds, bytes, losses. */
export type Figures = Readonly<Record<string, number>>;

/** One of the two programs that are compared, in a process of its own so that its memory is its own. */
export interface Side {
  readonly runtime: string;
  /** Runs the work once. */
  run(): Promise<Figures>;
  end(): Promise<void>;
}

interface Command {
  readonly who: string;
  readonly executable: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts our side: a TypeScript file of `sides/`, run as this process is run. */
export function startOwnSide(name: string, settings: object): Promise<Side> {
  const file = fileURLToPath(new URL(`./sides/${name}.ts`, import.meta.url));
  const args = [...process.execArgv, file, JSON.stringify(settings)];
  return startSide({ who: 'Tessera', executable: process.execPath, args, environment: modelEnvironment });
}

/** Starts PyTorch's side: a script of `torch/`. Its idle threads sleep, as ours do: on shared cores they are faster so. */
function startTorchSide(python: string, name: string, settings: object): Promise<Side> {
  const file = fileURLToPath(new URL(`../torch/${name}.py`, import.meta.url));
  const environment = { OMP_WAIT_POLICY: 'PASSIVE' };
  return startSide({ who: 'PyTorch', executable: python, args: [file, JSON.stringify(settings)], environment });
}

/**
 * A side reads a line, runs once, and answers with a line of JSON; its first line says that it is ready.
 * @throws TesseraError `side-ended` when the process ends instead
 */
async function startSide({ who, executable, args, environment }: Command): Promise<Side> {
  const child = spawn(executable, [...args], { env: { ...process.env, ...environment } });
  const complaints: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  const ended = new Promise<never>((_, reject) => {
    const fail = (how: string): void => reject(sideEnded(who, how, complaints.join('')));
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`exit code ${code}`));
  });
  ended.catch(() => undefined); // an end that is no longer awaited is no error
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const line = await Promise.race([answers.next(), ended]);
    return line.done ? ended : (JSON.parse(line.value) as Record<string, unknown>);
  };
  const ready = await answer();
  return {
    runtime: String(ready['runtime']),
    async run() {
      child.stdin.write('run\n');
      return (await answer()) as Figures;
    },
    end: () => endOf(child),
  };
}

async function endOf(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return; // it will not close again
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.stdin.end('quit\n');
  await gone;
}

function sideEnded(who: string, how: string, complaint: string): TesseraError {
  const last = complaint.trim().split('\n').at(-1);
  return new TesseraError({
    code: 'side-ended',
    who: `bench: ${who}`,
    got: `the end of its process (${how})${last ? `: ${last}` : ''}`,
    expected: 'a measurement',
    next: who === 'PyTorch' ? 'Name a Python with PyTorch by --python.' : 'See the message above.',
    cause: complaint,
  });
}

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The value below which the share `q` (0 to 1) of all values lies, by the nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!;
}
