import { PRECISIONS, type Precision } from '@tessera/engine';
import { choice, choices, flag, integer, nearestCommand, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';

const benchmarks = [
  'var-d16',
  'var-train',
  'vqvae-train',
  'mar-b',
  'mar-b-16x20',
  'mar-train',
  'targets',
  'server',
  'service',
  'workers',
  'faster-sampling',
  'guidance-until',
  'moved-images',
  'precision',
] as const;
export type Benchmark = (typeof benchmarks)[number];

/** Where precisions other than float32 are measured: whole images. */
const reducible = ['var-d16', 'mar-b', 'mar-b-16x20', 'guidance-until'] as const satisfies readonly Benchmark[];

/** What the benchmark targets measures. */
export const targetJobs = ['var-d16', 'mar-b-16x20', 'var-train', 'mar-train', 'vqvae-train'] as const;
export type TargetJob = (typeof targetJobs)[number];

const count = (otherwise: number, help: string) =>
  integer({ value: 'N', from: 1, to: 1_000_000, otherwise, help } as const);

const options = {
  python: text({
    value: 'PATH',
    otherwise: 'python3',
    help: 'Python with PyTorch; `none` measures Tessera alone',
  } as const),
  images: count(5, 'measured runs of each side, after one to warm up; the sides take turns'),
  samples: count(500, 'images of each setting of faster-sampling and moved-images'),
  threads: count(2, 'threads of each side'),
  precision: choice({
    value: 'P',
    of: PRECISIONS,
    otherwise: 'float32',
    help: "how Tessera's side multiplies in var-d16 and mar-b: float32 or int8; PyTorch's is --peer's",
  } as const),
  peer: choice({
    value: 'PEER',
    of: ['float32', 'best'],
    otherwise: 'float32',
    help: "PyTorch's side in var-d16 and mar-b: float32, or beside it dynamic int8 and, where the processor has it, bfloat16",
  } as const),
  jobs: choices({ value: 'JOBS', of: targetJobs, help: 'of targets: only these jobs, separated by commas' }),
  write: flag('of targets: write the ratios into the table from which engines choose'),
  json: flag('print one JSON object as the last line'),
};

export const line = {
  call: 'npm run bench --',
  who: 'bench',
  summary: 'Measure Tessera, beside PyTorch where it is installed.',
  positionals: { usage: 'BENCHMARK', least: 1, most: 1 },
  options,
  notes: [
    'Benchmarks:',
    '  var-d16          One whole image of VAR-d16 at its official size (310M parameters, guidance 1.5, top-k 900, top-p 0.96)',
    '                   with the official decoder; random weights.',
    '  var-train        One training step of a VAR transformer: depth 6, width 384, batch 16, AdamW and clipping.',
    '  vqvae-train      One training step of a small multi-scale VQ-VAE.',
    '  mar-b            Whole images of MAR-B at its official size (208M parameters, guidance 2.9 linear) with the KL-16',
    '                   decoder, twice: 64 steps of 100 denoising steps, and 16 of 20; random weights. The first takes minutes',
    '                   per side: --images 1 is enough.',
    '  mar-b-16x20      The second of these alone.',
    '  mar-train        One training step of a small MAR: 4 + 4 blocks of width 384, denoiser 3 x 512, batch 16.',
    '  targets          The jobs above, mar-b at 16 steps of 20, on every target that is set up: ONNX Runtime, plain tfjs on',
    "                   TensorFlow, TensorFlow's graphs, XLA.",
    "  server           Delay of the server's event loop while it generates. Needs no PyTorch.",
    '  service          What the API adds to plain generate, paired, and what batches of 64 requests save. Needs no PyTorch.',
    '  workers          What a second worker process gains over one, on PostgreSQL of its own. Needs no PyTorch.',
    '  faster-sampling  Options of digits-mar that save work, compared with none of them: processor time, recognised digits',
    '                   and FD-CNN, as a table in Markdown. Needs no PyTorch.',
    '  guidance-until   Time of a VAR-d16 image that is guided in the first steps alone, as a table. Needs no PyTorch.',
    '  moved-images     Frechet distances of real digits and avatars, resized, compressed or counted otherwise. Needs no PyTorch.',
    '  precision        Tokens of every shipped model in int8 against those of float32, after the same tokens and with the same',
    '                   random numbers. Needs no PyTorch.',
  ],
  examples: [
    'npm run bench -- var-d16 --python ~/torch/bin/python',
    'npm run bench -- var-d16 --precision int8 --peer best --python ~/torch/bin/python',
    'npm run bench -- var-train --images 10 --json',
    'npm run bench -- targets --jobs var-train,mar-train',
    'npm run bench -- server --python none',
    'npm run bench -- service --images 12',
    'npm run bench -- workers --images 5 --threads 2',
  ],
} as const;

export interface BenchArguments {
  readonly benchmark: Benchmark;
  /** A Python with PyTorch; null leaves PyTorch out. */
  readonly python: string | null;
  readonly json: boolean;
  /** Of Tessera's side, where an image is made. */
  readonly precision: Precision;
  /** Of PyTorch's side. */
  readonly peer: 'float32' | 'best';
  /** Measured runs of each side. */
  readonly images: number;
  /** Images of each setting that is judged. */
  readonly samples: number;
  readonly threads: number;
  /** Of targets: the jobs to measure. */
  readonly jobs: readonly TargetJob[];
  /** Of targets: whether engines shall choose by what is measured. */
  readonly write: boolean;
}

/** @throws TesseraError `usage` */
export function checkArguments({ positionals: [benchmark], values }: Arguments<typeof options>): BenchArguments {
  if (values.write && values.jobs.length > 0) {
    throw badArguments('--write with --jobs', 'all jobs: the table is written whole');
  }
  const reduced = values.precision === 'int8' ? '--precision int8' : values.peer === 'best' ? '--peer best' : null;
  if (reduced !== null && !(reducible as readonly string[]).includes(benchmark!)) {
    throw badArguments(`${reduced} with ${benchmark}`, `it with ${reducible.join(', ')}`);
  }
  if (!isBenchmark(benchmark)) {
    const near = nearestCommand(benchmark!, benchmarks);
    throw badArguments(`the benchmark ${benchmark}`, `one of ${benchmarks.join(', ')}`, near);
  }
  return {
    ...values,
    benchmark,
    python: values.python === 'none' ? null : values.python,
    jobs: values.jobs.length > 0 ? values.jobs : targetJobs,
  };
}

function isBenchmark(name: string | undefined): name is Benchmark {
  return benchmarks.some((benchmark) => benchmark === name);
}

function badArguments(got: string, expected: string, near: string | null = null): TesseraError {
  const next = `${near === null ? '' : `Did you mean ${near}? `}See ${line.call} --help.`;
  return new TesseraError({ code: 'usage', who: 'bench', got, expected, next });
}

export type Print = (line: string) => void;

/** Measures and prints for people; returns what `--json` prints. */
export type BenchmarkRun = (request: BenchArguments, print: Print) => Promise<object>;
