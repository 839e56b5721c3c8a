import { useEffect, useState } from 'react';
import { fetchService, type Service } from '../api/operations.ts';

export type Worker = Service['workers'][number];
export type QueueShare = Service['queue'][number];
export type Failure = Service['failures'][number];

const EVERY_MS = 2000;
/** Two minutes of the past. */
const MOST_LOOKS = 60;

export interface Look {
  readonly waiting: number;
  readonly running: number;
}

export interface Watched {
  readonly service: Service | null;
  /** Why the newest look failed; what was seen before stays. */
  readonly error: string | null;
  /** Oldest first. */
  readonly looks: readonly Look[];
}

/** How the service is, asked again every two seconds while the page can be seen. */
export function useService(): Watched {
  const [watched, setWatched] = useState<Watched>({ service: null, error: null, looks: [] });
  useEffect(() => {
    let timer: number | undefined;
    let ended = false;
    const look = async () => {
      try {
        if (document.hidden) return;
        const service = await fetchService();
        setWatched(({ looks }) => ({ service, error: null, looks: [...looks, sumOf(service)].slice(-MOST_LOOKS) }));
      } catch (error) {
        setWatched((before) => ({ ...before, error: (error as Error).message }));
      } finally {
        if (!ended) timer = window.setTimeout(() => void look(), EVERY_MS);
      }
    };
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  return watched;
}

export function sumOf({ queue }: Service): Look {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  return { waiting: sum(queue.map(({ waiting }) => waiting)), running: sum(queue.map(({ running }) => running)) };
}
