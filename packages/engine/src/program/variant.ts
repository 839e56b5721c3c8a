import type { Numbers } from '../numbers.ts';
import type { Template } from '../polymorph.ts';
import type { TypedArray } from '../trace/graph.ts';
import type { BuildOptions, BuiltProgram, ProgramTarget } from './program-target.ts';

export interface VariantOptions extends BuildOptions {
  readonly target: ProgramTarget;
}

/** A template with its session, which is made by the first run and released when nobody uses it any more. */
export class Variant {
  readonly template: Template;
  readonly #options: VariantOptions;
  #program: Promise<BuiltProgram> | null = null;
  #running = 0;
  #retired = false;
  /** Milliseconds. */
  building = 0;
  running = 0;

  constructor(template: Template, options: VariantOptions) {
    this.template = template;
    this.#options = options;
  }

  async run(feeds: readonly Numbers[]): Promise<readonly TypedArray[]> {
    this.#running += 1;
    try {
      this.#program ??= this.#build();
      const program = await this.#program;
      const compiles = program.compilesFor?.(feeds) ?? false;
      const start = performance.now();
      const results = await program.run(feeds);
      this[compiles ? 'building' : 'running'] += performance.now() - start;
      return results;
    } finally {
      this.#running -= 1;
      this.#releaseIfIdle();
    }
  }

  async #build(): Promise<BuiltProgram> {
    const start = performance.now();
    const program = await this.#options.target.build(this.template.model, this.#options);
    this.building += performance.now() - start;
    return program;
  }

  /** No further runs; those under way finish. */
  retire(): void {
    this.#retired = true;
    this.#releaseIfIdle();
  }

  #releaseIfIdle(): void {
    if (!this.#retired || this.#running > 0 || !this.#program) return;
    const program = this.#program;
    this.#program = null;
    void program.then(
      (built) => built.release(),
      () => undefined, // its run has reported why it could not be built
    );
  }
}
