import { runProgram } from '@tessera/command-line';
import { checkArguments, line, type Benchmark, type BenchmarkRun, type Print } from './arguments.ts';
import { benchFasterSampling } from './faster-sampling.ts';
import { benchGuidanceUntil } from './guidance-until.ts';
import { benchMovedImages } from './moved-images.ts';
import { type Job, jobs } from './jobs.ts';
import { compareSides, type Comparison } from './measure.ts';
import { benchPrecision } from './precision.ts';
import { reportImage, reportSteps } from './report.ts';
import { benchServer } from './server.ts';
import { benchService } from './service.ts';
import { benchTargets } from './targets.ts';
import { benchWorkers } from './workers.ts';

const runs: Readonly<Record<Benchmark, BenchmarkRun>> = {
  'var-d16': besidePyTorch(jobs['var-d16']),
  'var-train': besidePyTorch(jobs['var-train']),
  'vqvae-train': besidePyTorch(jobs['vqvae-train']),
  'mar-b': async (request, print) => ({
    '64x100': await besidePyTorch(jobs['mar-b-64x100'])(request, print),
    '16x20': await besidePyTorch(jobs['mar-b-16x20'])(request, print),
  }),
  'mar-b-16x20': besidePyTorch(jobs['mar-b-16x20']),
  'mar-train': besidePyTorch(jobs['mar-train']),
  targets: benchTargets,
  server: benchServer,
  service: benchService,
  workers: benchWorkers,
  'faster-sampling': benchFasterSampling,
  'guidance-until': benchGuidanceUntil,
  'moved-images': benchMovedImages,
  precision: benchPrecision,
};

/** Runs the program; returns the exit code. */
export function bench(args: readonly string[], print: Print): Promise<number> {
  return runProgram(line, args, {
    print,
    async run(given) {
      const request = checkArguments(given);
      const result = await runs[request.benchmark](request, print);
      if (request.json) print(JSON.stringify({ benchmark: request.benchmark, ...result }));
      return 0;
    },
  });
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
