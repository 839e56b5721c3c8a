import { openModel, type Model, type OpenModelOptions } from '@tessera/models';
import { errorParts } from './error-parts.ts';

/** How many models stay open: enough to go back and forth between two, and memory is bounded. */
const KEPT = 2;

/** Opens models when they are first asked for and keeps the last few. */
export interface ModelShelf {
  open(folder: string): Promise<Model>;
}

/**
 * Calls must not overlap: the model used longest ago is disposed to make room. What goes wrong in that is reported: it is
 * no fault of the model that is asked for.
 */
export function modelShelf(options: OpenModelOptions, report: (line: string) => void = console.error): ModelShelf {
  const open = new Map<string, Model>();
  return {
    async open(folder) {
      const model = open.get(folder) ?? (await openModel(folder, options));
      // A map remembers the order of insertion: the newest goes to the end.
      open.delete(folder);
      open.set(folder, model);
      for (const [oldest, old] of open) {
        if (open.size <= KEPT) break;
        open.delete(oldest);
        try {
          old.dispose();
        } catch (error) {
          report(errorParts(error).message);
        }
      }
      return model;
    },
  };
}
