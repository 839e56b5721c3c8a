import type { CompileOptions, Engine, Program, Tree } from '@tessera/engine';

/** Compiled programs by name. Each is compiled when it is first asked for and shared from then on. */
export class ProgramSet {
  readonly #engine: Engine;
  readonly #prefix: string;
  readonly #compiled = new Map<string, { dispose(): void }>();

  /** `prefix` stands before every name in errors and profiles. */
  constructor(engine: Engine, prefix: string) {
    this.#engine = engine;
    this.#prefix = prefix;
  }

  /** The program of this name; `fn` and `options` count the first time alone. */
  once<A extends readonly Tree[], R extends Tree>(
    name: string,
    options: Omit<CompileOptions, 'name'>,
    fn: (...args: A) => R,
  ): Program<A, R> {
    const known = this.#compiled.get(name) as Program<A, R> | undefined;
    if (known) return known;
    const program = this.#engine.compile(fn, { ...options, name: `${this.#prefix}.${name}` });
    this.#compiled.set(name, program);
    return program;
  }

  dispose(): void {
    for (const program of this.#compiled.values()) program.dispose();
    this.#compiled.clear();
  }
}
