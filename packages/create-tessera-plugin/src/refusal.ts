interface Parts {
  readonly code: string;
  readonly got: string;
  readonly expected: string;
  readonly next: string;
}

/** One sentence, as all of Tessera's errors say it. This package brings no other, so it has its own. */
export class Refusal extends Error {
  readonly code: string;

  constructor({ code, got, expected, next }: Parts) {
    super(`[create-tessera-plugin] got ${got}; expected ${expected}. ${next}`);
    this.code = code;
  }
}
