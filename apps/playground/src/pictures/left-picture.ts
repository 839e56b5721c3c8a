import { useEffect, useState } from 'react';
import { fetchLastSteps, type Step, type StoredGeneration } from '../api/operations.ts';

type Ended = Pick<StoredGeneration, 'id' | 'state' | 'lastSeq'>;

/** Each is asked for once, however many rooms show it. */
const asked = new Map<string, Promise<readonly Step[]>>();
const nothing: readonly Step[] = [];

/** What a run has left that has ended without its images: its last steps, for `partAfter`. None of others, and until they are there. */
export function useLeftSteps({ id, state, lastSeq }: Ended): readonly Step[] {
  const isCut = state === 'CANCELED' || state === 'FAILED';
  const [steps, setSteps] = useState(nothing);
  useEffect(() => {
    if (!isCut) return;
    let isWanted = true;
    leftSteps(id, lastSeq).then(
      (found) => isWanted && setSteps(found),
      // The next time it is shown, it is asked for again.
      () => asked.delete(id),
    );
    return () => void (isWanted = false);
  }, [id, isCut, lastSeq]);
  return steps;
}

function leftSteps(id: string, lastSeq: number): Promise<readonly Step[]> {
  const known = asked.get(id) ?? fetchLastSteps(id, lastSeq);
  asked.set(id, known);
  return known;
}
