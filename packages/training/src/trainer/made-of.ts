import { TesseraError } from '@tessera/errors';

/**
 * What something on disk was made of: a digest by ingredient. The names are words of sentences: `recipe`, `images`.
 * What was made earlier is only taken again where each of them is the same.
 */
export type MadeOf = Readonly<Record<string, string>>;

/** As the metadata of a safetensors file keeps it. */
export function madeOfText(madeOf: MadeOf): string {
  return JSON.stringify(madeOf);
}

/** From a file's metadata; null where it does not say. */
export function readMadeOf(values: ReadonlyMap<string, unknown>): MadeOf | null {
  try {
    const found: unknown = JSON.parse(String(values.get('madeOf')));
    return typeof found === 'object' ? (found as MadeOf | null) : null;
  } catch {
    return null;
  }
}

/** Why something cannot be taken again, in words; null where it can. Only the ingredients of `wanted` are looked at. */
export function whyStale(found: MadeOf | null, wanted: MadeOf): string | null {
  if (!found) return 'it does not say what it was made of';
  const changed = Object.keys(wanted).filter((name) => found[name] !== wanted[name]);
  return changed.length === 0 ? null : `other ${new Intl.ListFormat('en').format(changed)}`;
}

/** A checkpoint that its training cannot go on from. */
export interface StaleCheckpoint {
  readonly path: string;
  readonly why: string;
}

/** One sentence for all that is stale: `recipe-changed` where a recipe is, else `data-changed`. */
export function staleCheckpoints(stale: readonly StaleCheckpoint[]): TesseraError {
  const one = stale.length === 1;
  const recipe = stale.some(({ why }) => why.includes('recipe'));
  return new TesseraError({
    code: recipe ? 'recipe-changed' : 'data-changed',
    who: stale[0]!.path,
    got: stale
      .map(({ path, why }, i) => `${i === 0 ? 'a checkpoint' : path} of an earlier training (${why})`)
      .join(', '),
    expected: 'the recipe and the images that it began with',
    next: `Restore them, train into another folder (--out), or remove ${one ? 'the file' : 'these files'} to begin ${one ? 'this stage' : 'these stages'} again.`,
  });
}
