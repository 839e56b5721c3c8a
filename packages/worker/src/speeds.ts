import type { HostEvent } from '@tessera/host';

/** Share of the newest batch in the average. */
const NEWEST = 0.3;

/** How long an image of each model takes: the time of its batch, shared by the images of it. */
export class Speeds {
  readonly #millisecondsPerImage = new Map<string, number>();

  of(model: string): number | null {
    return this.#millisecondsPerImage.get(model) ?? null;
  }

  /** Counts the time of one batch from its first `started` on: reading the model does not count. */
  measure(model: string): { take(event: HostEvent): void; end(): void } {
    let begun: number | null = null;
    let images = 0;
    return {
      take: ({ type }) => {
        if (type === 'started' || type === 'restarted') begun ??= performance.now();
        if (type === 'image') images += 1;
      },
      end: () => {
        if (begun === null || images === 0) return;
        const one = (performance.now() - begun) / images;
        const before = this.#millisecondsPerImage.get(model) ?? one;
        this.#millisecondsPerImage.set(model, before + NEWEST * (one - before));
      },
    };
  }
}
