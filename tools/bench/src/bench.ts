import { help, parseArguments, type Benchmark } from './bench-arguments.ts';
import { benchServer } from './bench-server.ts';
import { benchTargets } from './bench-targets.ts';
import type { BenchmarkRun, Print } from './benchmark-run.ts';
import { compareSides, type Comparison } from './compare-sides.ts';
import { benchFasterSampling } from './faster-sampling.ts';
import type { Job } from './job.ts';
import { jobs } from './jobs.ts';
import { reportImage } from './report-image.ts';
import { reportSteps } from './report-steps.ts';

const runs: Readonly<Record<Benchmark, BenchmarkRun>> = {
  'var-d16': besidePyTorch(jobs['var-d16']),
  'var-train': besidePyTorch(jobs['var-train']),
  'vqvae-train': besidePyTorch(jobs['vqvae-train']),
  'mar-b': async (request, print) => ({
    '64x100': await besidePyTorch(jobs['mar-b-64x100'])(request, print),
    '16x20': await besidePyTorch(jobs['mar-b-16x20'])(request, print),
  }),
  'mar-train': besidePyTorch(jobs['mar-train']),
  targets: benchTargets,
  server: benchServer,
  'faster-sampling': benchFasterSampling,
};

/** Runs the command and says how it ended. */
export async function bench(args: readonly string[], print: Print): Promise<0 | 1> {
  try {
    const request = parseArguments(args);
    if (request === null) {
      print(help);
      return 0;
    }
    const result = await runs[request.benchmark](request, print);
    if (request.json) print(JSON.stringify({ benchmark: request.benchmark, ...result }));
    return 0;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function besidePyTorch(makeJob: () => Promise<Job>): BenchmarkRun {
  return async (request, print): Promise<Comparison> => {
    const job = await makeJob();
    print(job.title);
    const comparison = await compareSides(request, job, print);
    print(job.kind === 'training' ? reportSteps(comparison) : reportImage(comparison));
    return comparison;
  };
}
