// What takes too long for `npm test`: the tests with the tag `long`, and what needs TensorFlow, where it is set up.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { choices, runProgram } from '@tessera/command-line';
import { findInstallation } from '@tessera/tensorflow-setup';

const root = resolve(import.meta.dirname, '../../..');

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const parity = ['tsx', '--conditions=@tessera/source', 'tools/parity/src/main.ts', 'tools/goldens/cases'];
const always: readonly Part[] = [
  {
    name: 'long tests',
    command: ['turbo', 'run', 'test', '--continue', '--output-logs=new-only'],
    env: { TESSERA_TESTS: 'long' },
  },
  { name: 'parity on eager', command: [...parity, '--target', 'eager'] },
];
const onTensorFlow: readonly Part[] = [
  { name: 'parity on tensorflow', command: [...parity, '--target', 'tensorflow'] },
  { name: 'parity on tensorflow-eager', command: [...parity, '--target', 'tensorflow-eager'] },
  // Its suites skip TensorFlow where it is not set up, as it is not where `npm test` runs in CI.
  { name: 'targets on tensorflow', command: ['vitest', 'run'], folder: 'packages/targets' },
];

/** Whether the part passed, and in how many seconds. */
function run({ name, command, folder = '.', env = {} }: Part): { line: string; passed: boolean } {
  console.log(`\n${name}: ${command.join(' ')}`);
  const started = Date.now();
  const [program, ...args] = command;
  const { status } = spawnSync(resolve(root, 'node_modules/.bin', program!), args, {
    cwd: resolve(root, folder),
    env: { ...process.env, ...env },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const passed = status === 0;
  return { line: `${name} ${passed ? 'ok' : 'FAILED'} (${Math.round((Date.now() - started) / 1000)} s)`, passed };
}

const line = {
  call: 'npm run test:long --',
  who: 'test:long',
  summary: 'Run what takes too long for `npm test`, and what needs TensorFlow, where it is set up.',
  options: {
    only: choices({
      value: 'PARTS',
      of: [...always, ...onTensorFlow].map(({ name }) => name),
      help: `only these parts, separated by commas: ${[...always, ...onTensorFlow].map(({ name }) => name).join(', ')}`,
    }),
  },
  examples: ['npm run test:long', "npm run test:long -- --only 'long tests,parity on eager'"],
};

process.exitCode = await runProgram(line, process.argv.slice(2), {
  print: (text) => console.log(text),
  async run({ values: { only } }) {
    const isTensorFlowHere = findInstallation() !== null;
    const parts = [...always, ...(isTensorFlowHere ? onTensorFlow : [])];
    const results = parts.filter(({ name }) => only.length === 0 || only.includes(name)).map(run);
    const skipped = isTensorFlowHere ? [] : ['TensorFlow skipped: it is not set up here, see docs/tensorflow.md'];
    console.log(`\ntest:long: ${[...results.map((result) => result.line), ...skipped].join(', ')}`);
    return results.every(({ passed }) => passed) ? 0 : 1;
  },
});
