import { openModel, type Model, type OpenModelOptions } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { errorParts } from './protocol.ts';

const FLOAT_BYTES = 4;

interface OpenModelsOptions extends OpenModelOptions {
  /** Memory that the weights of all open models may take together, in bytes; one may always be open. */
  readonly modelBytes: number;
}

/** Models in memory: opened when they are first asked for; those used longest ago make room for others. Calls must not overlap. */
export class OpenModels {
  /** A map remembers the order of insertion: the newest is at the end. */
  readonly #open = new Map<string, Model>();
  readonly #options: OpenModelsOptions;

  constructor(options: OpenModelsOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return [...this.#open.values()].map(({ name }) => name);
  }

  has(folder: string): boolean {
    return this.#open.has(folder);
  }

  /** `parameters` of that model: there has to be room before it is read. */
  async open(folder: string, parameters: number): Promise<Model> {
    const known = this.#open.get(folder);
    this.#open.delete(folder);
    for (const [oldest, old] of this.#open) {
      if (this.#bytes() + FLOAT_BYTES * parameters <= this.#options.modelBytes) break;
      this.#open.delete(oldest);
      disposeQuietly(old);
    }
    const model = known ?? (await openModel(folder, this.#options));
    this.#open.set(folder, model);
    return model;
  }

  #bytes(): number {
    return [...this.#open.values()].reduce((sum, { parameters }) => sum + FLOAT_BYTES * parameters, 0);
  }
}

/** An error of that is printed: it is of a model that is no longer used. */
export function disposeQuietly(model: Model): void {
  try {
    model.dispose();
  } catch (error) {
    console.error(errorParts(error).message);
  }
}

/** Makes an image without a condition, which every model can, in few steps, so that the first one that somebody waits for finds everything compiled. Never throws. */
export async function warm(model: Model, signal: AbortSignal): Promise<void> {
  try {
    const options = model.options.properties?.['steps'] ? { steps: 2 } : {};
    const request = model.check({ images: imagesOfClasses([-1]), seed: 0, options });
    for await (const event of model.run(request, { signal })) void event;
  } catch {
    // The first request gets the same error, with its message.
  }
}
