import { parseArgs } from 'node:util';
import { TesseraError } from '@tessera/errors';

export const benchmarks = [
  'var-d16',
  'var-train',
  'vqvae-train',
  'mar-b',
  'mar-train',
  'targets',
  'server',
  'faster-sampling',
] as const;
export type Benchmark = (typeof benchmarks)[number];

/** What the benchmark targets measures. */
export const targetJobs = ['var-d16', 'mar-b-16x20', 'var-train', 'mar-train', 'vqvae-train'] as const;
export type TargetJob = (typeof targetJobs)[number];

export interface BenchArguments {
  readonly benchmark: Benchmark;
  /** A Python with PyTorch; null leaves PyTorch out. */
  readonly python: string | null;
  readonly json: boolean;
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

export const help = `Measures Tessera, beside PyTorch where it is installed.

Usage
  npm run bench -- BENCHMARK [options]

Benchmarks
  var-d16       One whole image of VAR-d16 at its official size (310M parameters, guidance 1.5, top-k 900, top-p 0.96)
                with the official decoder; random weights.
  var-train     One training step of a VAR transformer: depth 6, width 384, batch 16, AdamW and clipping.
  vqvae-train   One training step of a small multi-scale VQ-VAE.
  mar-b         Whole images of MAR-B at its official size (208M parameters, guidance 2.9 linear) with the KL-16 decoder, twice:
                64 steps of 100 denoising steps, and 16 of 20; random weights. The first takes minutes a side:
                --images 1 is enough.
  mar-train     One training step of a small MAR: 4 + 4 blocks of width 384, denoiser 3 x 512, batch 16.
  targets       The jobs above, mar-b at 16 steps of 20, on every target that is set up: ONNX Runtime, plain tfjs on
                TensorFlow, TensorFlow's graphs, XLA.
  server        Delay of the server's event loop while it generates. Needs no PyTorch.
  faster-sampling
                Options of digits-mar that spare work, against none of them: processor time, recognised digits and
                FD-CNN, as a table in Markdown. Needs no PyTorch.

Options
  --python PATH   Python with PyTorch (default: python3 of the PATH); \`none\` measures Tessera alone.
  --images N      Measured runs of each side, after one to warm up (default 5). The sides run in turn.
  --samples N     Images of each setting of faster-sampling (default 500).
  --threads N     Threads of each side (default 2).
  --jobs LIST     Of targets: only these jobs, apart by commas.
  --write         Of targets: write the ratios into packages/targets/target-times.json, from which engines choose.
  --json          One JSON object as the last line.
  --help          This text.

Examples
  npm run bench -- var-d16 --python ~/torch/bin/python
  npm run bench -- var-train --images 10 --json
  npm run bench -- targets --jobs var-train,mar-train
  npm run bench -- server --python none`;

/** Null when help is asked for. @throws TesseraError `arguments` */
export function parseArguments(args: readonly string[]): BenchArguments | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const [benchmark, ...rest] = positionals;
  const jobs = values.jobs?.split(',') ?? targetJobs;
  if (!jobs.every(isTargetJob)) throw badArguments(`--jobs ${values.jobs}`, `some of ${targetJobs.join(', ')}`);
  if (values.write && values.jobs) throw badArguments('--write with --jobs', 'all jobs: the table is written whole');
  if (rest.length > 0 || !isBenchmark(benchmark)) {
    throw badArguments(positionals.join(' ') || 'no benchmark', `one of ${benchmarks.join(', ')}`);
  }
  const python = values.python ?? 'python3';
  return {
    benchmark,
    python: python === 'none' ? null : python,
    json: values.json === true,
    images: count(values.images ?? '5', '--images'),
    samples: count(values.samples ?? '500', '--samples'),
    threads: count(values.threads ?? '2', '--threads'),
    jobs,
    write: values.write === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        python: { type: 'string' },
        images: { type: 'string' },
        samples: { type: 'string' },
        threads: { type: 'string' },
        jobs: { type: 'string' },
        write: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw badArguments(error instanceof Error ? error.message : String(error), 'the options of --help');
  }
}

function isBenchmark(name: string | undefined): name is Benchmark {
  return benchmarks.some((benchmark) => benchmark === name);
}

function isTargetJob(name: string): name is TargetJob {
  return targetJobs.some((job) => job === name);
}

function count(text: string, option: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw badArguments(`${option} ${text}`, 'a whole number of at least 1');
}

function badArguments(got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'arguments', who: 'bench', got, expected, next: 'See --help.' });
}
