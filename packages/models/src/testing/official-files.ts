import { expect } from 'vitest';
import { openCheckpoint, type Checkpoint } from '@tessera/checkpoints';
import { isTesseraError } from '@tessera/errors';

/** The code of a refusal, or `accepted`. Anything else that is thrown passes through. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isTesseraError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

/** Exactly the tensors of `source` under a prefix, byte for byte; `leftOut` are names without the prefix. */
export async function expectSame(
  path: string,
  {
    source,
    prefix,
    leftOut = () => false,
  }: { source: Checkpoint; prefix: string; leftOut?: (name: string) => boolean },
): Promise<void> {
  const file = await openCheckpoint(path);
  try {
    const under = [...source.tensors.keys()].filter((name) => name.startsWith(prefix));
    const names = under.map((name) => name.slice(prefix.length)).filter((name) => !leftOut(name));
    expect([...file.tensors.keys()].sort()).toEqual(names.sort());
    for (const name of names) {
      const { dtype, shape } = source.tensors.get(prefix + name)!;
      expect(file.tensors.get(name), name).toMatchObject({ dtype, shape });
      expect(Buffer.from(await file.read(name)).equals(await source.read(prefix + name)), name).toBe(true);
    }
  } finally {
    await file.close();
  }
}
