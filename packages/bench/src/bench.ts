import { help, parseArguments, type Benchmark } from './bench-arguments.ts';
import { benchServer } from './bench-server.ts';
import type { BenchmarkRun, Print } from './benchmark-run.ts';
import { benchFasterSampling } from './faster-sampling.ts';
import { benchMarImage } from './mar-image.ts';
import { benchMarTraining } from './mar-training.ts';
import { benchVarImage } from './var-image.ts';
import { benchVarTraining } from './var-training.ts';
import { benchVqTraining } from './vq-training.ts';

const runs: Readonly<Record<Benchmark, BenchmarkRun>> = {
  'var-d16': benchVarImage,
  'var-train': benchVarTraining,
  'vqvae-train': benchVqTraining,
  'mar-b': benchMarImage,
  'mar-train': benchMarTraining,
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
