import { meters } from './meters.ts';

/** What one generation of a batch did in one of its steps. */
export interface MemberStep {
  readonly id: string;
  /** How many of its images the step was for. */
  readonly images: number;
  /** Of the whole batch: the same for all of its members. */
  readonly milliseconds: number;
}

/**
 * Counts steps of batches by the steps of their members: those of one batch step come one behind the other, with the same
 * duration.
 */
export class BatchMeter {
  readonly #model: string;
  #members: MemberStep[] = [];

  constructor(model: string) {
    this.#model = model;
  }

  step(step: MemberStep): void {
    const [first] = this.#members;
    const again = this.#members.some(({ id }) => id === step.id);
    if (first && (again || first.milliseconds !== step.milliseconds)) this.end();
    this.#members.push(step);
  }

  /** Model time of one finished image. */
  image(milliseconds: number): void {
    meters.modelSeconds.inc({ model: this.#model }, milliseconds / 1000);
  }

  /** Nothing more comes of the step that was last. */
  end(): void {
    const [first] = this.#members;
    if (!first) return;
    const model = this.#model;
    meters.batchMembers.observe({ model }, this.#members.length);
    meters.batchImages.observe(
      { model },
      this.#members.reduce((sum, { images }) => sum + images, 0),
    );
    meters.modelSeconds.inc({ model }, first.milliseconds / 1000);
    this.#members = [];
  }
}
