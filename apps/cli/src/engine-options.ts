import type { createEngine } from '@tessera/targets';
import type { Arguments, Option } from './command.ts';
import { integer } from './numbers.ts';

/** Options that every command with a model understands. */
export const engineOptions: Readonly<Record<string, Option>> = {
  target: {
    type: 'string',
    value: 'T',
    help: 'where programs run: onnx, tensorflow, eager or tensorflow-eager (default: the fastest available)',
  },
  threads: { type: 'string', value: 'N', help: 'threads of the runtime (default: all cores)' },
};

type EngineOptions = NonNullable<Parameters<typeof createEngine>[0]>;

export function readEngineOptions(values: Arguments['values']): EngineOptions {
  const { target, threads } = values;
  return {
    ...(target === undefined ? {} : { target: target as NonNullable<EngineOptions['target']> }), // checked by createEngine
    ...(threads === undefined ? {} : { threads: integer('--threads', threads, 1, 1024) }),
  };
}
