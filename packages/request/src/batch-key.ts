import type { GenerationRequest } from './request.ts';

/**
 * Generations of equal key may run in one batch: it is the text of all that a batch can have only once, seeds and
 * conditions aside. The picture of an edit belongs to one generation, so an edit's key is its own: it holds `id`.
 */
export function batchKey(request: GenerationRequest, id: string): string {
  const { model, guidance, options = {}, preview, size, details = false, edit } = request;
  const shared = { model, guidance, options, preview, size, details } satisfies {
    [K in keyof Required<Omit<GenerationRequest, 'images' | 'seed' | 'edit'>>]: unknown;
  };
  return JSON.stringify(sorted({ ...shared, ...(edit && { edit: id }) }));
}

/** Objects with their fields by name: equal values have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
}
