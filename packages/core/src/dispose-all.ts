/** What lets go of something, once. */
export interface Held {
  dispose(): void;
}

/** Disposes all of them, also where one throws. @throws the first of their errors, after the last was disposed */
export function disposeAll(held: readonly Held[]): void {
  const errors: unknown[] = [];
  for (const one of held) {
    try {
      one.dispose();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Runs, and disposes all of them in any case. @throws the error of the run, or else the first of theirs */
export async function thenDispose<T>(held: () => readonly Held[], run: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await run();
  } catch (error) {
    throw disposedAfter(error, held());
  }
  disposeAll(held());
  return result;
}

/** The same after an error, which is given back: what cannot be disposed must not hide it. */
export function disposedAfter(error: unknown, held: readonly Held[]): unknown {
  try {
    disposeAll(held);
  } catch {
    // The first error says why everything ends.
  }
  return error;
}
