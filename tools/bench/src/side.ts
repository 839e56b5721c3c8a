import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';

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

/** As the model host starts its processes. */
const ownEnvironment = {
  MALLOC_MMAP_THRESHOLD_: '4194304',
  ORT_DISABLE_TELEMETRY: '1',
};

/** Starts our side: a TypeScript file of `sides/`, run as this process is run. */
export function startOwnSide(name: string, settings: object): Promise<Side> {
  const file = fileURLToPath(new URL(`./sides/${name}.ts`, import.meta.url));
  const args = [...process.execArgv, file, JSON.stringify(settings)];
  return startSide({ who: 'Tessera', executable: process.execPath, args, environment: ownEnvironment });
}

/** Starts PyTorch's side: a script of `torch/`. Its idle threads sleep, as ours do: on shared cores they are faster so. */
export function startTorchSide(python: string, name: string, settings: object): Promise<Side> {
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
  ended.catch(() => undefined); // an end nobody waits for any more is no error
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
