import { TesseraError } from '@tessera/errors';
import type { AnyPlugin } from '../define/any-plugin.ts';

/** What every part must hold to, each in the words that a failure says. */
export const properties = {
  contract: 'a plug-in of a contract that this Tessera speaks',
  config: 'a configuration that is read the same again after a turn through JSON',
  shapes: 'answers of the shapes and types of the contract',
  determinism: 'the same numbers again from the same seed',
  batch: 'the same numbers for an image alone as in a batch',
  guidance: 'guidance of weight 1 to be no guidance, and of another weight to be some',
  causality: 'no influence of tokens that are not yet written',
  cache: 'the same hidden states step by step as all at once',
  loss: 'a finite and differentiable loss that falls on a toy set',
  leaks: 'no tensor left behind',
  abort: 'an end within one step after an abort',
  dispose: 'a second dispose that does nothing, and weights left to their owner',
  coverage: 'every token once, in steps that agree with their own numbers',
  kept: 'kept tokens that stay',
} as const;

export type Property = keyof typeof properties;

/** One check of a plug-in: `for (const { name, run } of cases(plugin)) it(name, run)`, whatever the test framework. */
export interface Case {
  readonly name: string;
  readonly property: Property;
  /** @throws TesseraError `part-conformance`, which names plug-in and property */
  run(): Promise<void>;
}

/** A check answers with what it found instead, or null where the property holds. */
export type Check = () => Promise<string | null>;

export interface CaseOf {
  readonly plugin: AnyPlugin;
  readonly property: Property;
  /** Where it runs: a target of the engine; null where that does not matter. */
  readonly on: string | null;
}

export function caseOf({ plugin: { name }, property, on }: CaseOf, check: Check): Case {
  const where = on === null ? '' : ` on ${on}`;
  return {
    name: `${name}: ${properties[property]} (${property}${where})`,
    property,
    run: async () => {
      const found = await check().catch((error: unknown) => failure(name, { property, where }, error));
      if (found !== null) throw failed(name, { property, where, found });
    },
  };
}

interface Failure {
  readonly property: Property;
  readonly where: string;
}

/** What a guard says becomes a part of the sentence. Its advice is for users: who reads this makes the part. */
function failure(name: string, place: Failure, error: unknown): never {
  const own = error instanceof TesseraError ? `${error.parts.got} (due: ${error.parts.expected})` : null;
  const found = own ?? (error instanceof Error ? error.message : String(error));
  throw failed(name, { ...place, found, cause: error });
}

function failed(
  who: string,
  { property, where, found, cause }: Failure & { found: string; cause?: unknown },
): TesseraError {
  return new TesseraError({
    code: 'part-conformance',
    who,
    got: `${found}${where}`,
    expected: `${properties[property]} (property ${property})`,
    ...(cause !== undefined && { cause }),
  });
}
