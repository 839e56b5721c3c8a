import type { CompileOptions, Engine, Program, Tree } from '@tessera/engine';

/** An engine, and what a part does with it. */
export interface WatchedEngine {
  readonly engine: Engine;
  /** Names of the programs that were compiled and not yet disposed. */
  readonly alive: () => readonly string[];
  /** Is told of every call of a program, before it runs. */
  onCall: () => void;
}

export function watch(engine: Engine): WatchedEngine {
  const programs = new Map<object, string>();
  const compile = <A extends readonly Tree[], R extends Tree>(
    fn: (...args: A) => R,
    options: CompileOptions,
  ): Program<A, R> => {
    const program = engine.compile(fn, options);
    const run = (...args: A): Promise<R> => {
      watched.onCall();
      return program(...args);
    };
    const dispose = (): void => {
      programs.delete(program);
      program.dispose();
    };
    programs.set(program, options.name);
    return Object.assign(run, { dispose });
  };
  const watched: WatchedEngine = {
    engine: { ...engine, compile },
    alive: () => [...programs.values()],
    onCall: () => undefined,
  };
  return watched;
}
