import { createEngine } from '@tessera/targets';
import { isTesseraError } from '@tessera/errors';
import { help, parseArguments } from './arguments.ts';
import { formatOutcome } from './outcome.ts';
import { runFolder } from './run-folder.ts';

/** Runs the command and says how it ended: 0 only if something was compared and nothing failed. */
export async function parity(args: readonly string[], print: (line: string) => void): Promise<0 | 1> {
  try {
    const request = parseArguments(args);
    if (request === null) {
      print(help);
      return 0;
    }
    const engine = createEngine({ target: request.target });
    try {
      return await report(runFolder({ ...request, engine }), print);
    } finally {
      engine.dispose();
    }
  } catch (error) {
    print(isTesseraError(error) || error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function report(outcomes: ReturnType<typeof runFolder>, print: (line: string) => void): Promise<0 | 1> {
  let passed = 0;
  let failed = 0;
  for await (const outcome of outcomes) {
    print(formatOutcome(outcome));
    if (outcome.passed) passed++;
    else failed++;
  }
  if (passed + failed === 0) print('No case file here has such a kind.');
  print(`${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
}
