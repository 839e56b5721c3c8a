import { buildProgram, type OnnxProgram, type ProgramOptions } from '../onnx/program.ts';
import type { OrtTensor } from '../onnx/runtime.ts';
import type { Template } from '../polymorph.ts';

/** A template with its session, which is made by the first run and released when nobody uses it any more. */
export class Variant {
  readonly template: Template;
  readonly #options: ProgramOptions;
  #program: Promise<OnnxProgram> | null = null;
  #running = 0;
  #retired = false;
  /** Milliseconds. */
  building = 0;
  running = 0;

  constructor(template: Template, options: ProgramOptions) {
    this.template = template;
    this.#options = options;
  }

  async run(feeds: readonly OrtTensor[]): Promise<readonly OrtTensor[]> {
    this.#running += 1;
    try {
      this.#program ??= this.#build();
      const program = await this.#program;
      const start = performance.now();
      const results = await program.run(feeds);
      this.running += performance.now() - start;
      return results;
    } finally {
      this.#running -= 1;
      this.#releaseIfIdle();
    }
  }

  async #build(): Promise<OnnxProgram> {
    const start = performance.now();
    const program = await buildProgram(this.template.model, this.#options);
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
