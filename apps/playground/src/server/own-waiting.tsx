import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { cancelGeneration, fetchGenerations, type StoredGeneration } from '../api/operations.ts';
import { duration, Section, Table } from './table.tsx';

const EVERY_MS = 2000;
/** The first of them; the queue above counts all. */
const MOST = 25;

/** Of this key: what waits or runs, with its place in the queue. */
export function OwnWaiting() {
  const [open, setOpen] = useState<readonly StoredGeneration[]>([]);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let timer: number | undefined;
    let ended = false;
    const look = async () => {
      // Errors of a look are told by that of the service.
      const page = document.hidden
        ? null
        : await fetchGenerations({ first: MOST, filter: { states: ['QUEUED', 'RUNNING'] } }).catch(() => null);
      if (ended) return;
      if (page) setOpen(page.nodes.toSorted((one, other) => placeOf(one) - placeOf(other)));
      timer = window.setTimeout(() => void look(), EVERY_MS);
    };
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  const cancel = (id: string) => {
    setError(null);
    cancelGeneration(id).catch(({ message }: Error) => setError(message));
  };
  return (
    <Section title="Your generations in it" empty={open.length === 0 && 'None waits or runs.'}>
      {error && <p role="alert">It could not be canceled: {error}</p>}
      <Table
        heads={['place', 'begins', 'model', 'pictures', '']}
        rows={open.map((one) => ({
          key: one.id,
          cells: [
            one.position === null ? 'runs' : one.position === 0 ? 'next' : `${one.position} before it`,
            beginsIn(one),
            <Link key="link" href={`/g/${one.id}`}>
              {one.modelName}
            </Link>,
            one.images.length,
            <button key="cancel" type="button" onClick={() => cancel(one.id)}>
              Cancel
            </button>,
          ],
        }))}
      />
    </Section>
  );
}

/** What runs comes first. */
function placeOf({ position }: StoredGeneration): number {
  return position ?? -1;
}

function beginsIn({ position, millisecondsToStart }: StoredGeneration): string {
  if (position === null) return '–';
  return millisecondsToStart === null ? 'not known' : `in about ${duration(millisecondsToStart / 1000)}`;
}
