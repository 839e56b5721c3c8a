import { useEffect, useSyncExternalStore } from 'react';
import { filterAddress, type Wanted } from './filter.ts';
import { GenerationList, type Listed } from './generation-list.ts';

/** Between two looks for what is new, while something runs and while nothing does. */
const LOOK_MS = 2500;
const REST_MS = 10_000;

/** The list that was shown last: it is there at once when the gallery is entered again. */
let last: GenerationList | null = null;

/** The list of a filter. Favourites are those of when it is first shown: one that is unmarked stays in view. */
export function listOf(filter: Wanted, favourites: readonly string[]): GenerationList {
  const isSame = last && nameOf(last.filter) === nameOf(filter);
  if (!last || !isSame || filter.favourites) last = new GenerationList(filter, favourites);
  return last;
}

/** Words mean other classes once the models are known. */
function nameOf(filter: Wanted): string {
  return `${filterAddress(filter)} ${JSON.stringify(filter.classes)}`;
}

/** Its pages as they come. While the page can be seen, it looks for what is new. */
export function useList(list: GenerationList): Listed {
  useEffect(() => {
    let timer: number | undefined;
    let ended = false;
    const look = async () => {
      // Errors of a look are no news: the next one follows, and a page that is asked for tells them.
      if (!document.hidden) await list.look().catch(() => undefined);
      if (!ended) timer = window.setTimeout(() => void look(), list.isWaiting() ? LOOK_MS : REST_MS);
    };
    void list.more();
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [list]);
  return useSyncExternalStore(list.onChange, list.state);
}
