import { fetchGeneration, fetchGenerations, type StoredGeneration } from '../api/operations.ts';
import { admits, asked, type Wanted } from './filter.ts';

/** What a server gives at once. */
const PAGE = 25;

export interface Listed {
  /** Newest first; of favourites, in the order in which they were added. */
  readonly items: readonly StoredGeneration[];
  /** Those that came since, and are not among the items yet. */
  readonly newer: readonly StoredGeneration[];
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  /** Why the newest page could not be had; what is there stays. */
  readonly error: string | null;
  /** Favourites that this server does not have, or not for this key. */
  readonly missing: readonly string[];
}

/** What asks the server; tests give another. */
export interface ListServer {
  page: typeof fetchGenerations;
  one: typeof fetchGeneration;
}

/** The generations of one filter, a page at a time. */
export class GenerationList {
  readonly filter: Wanted;
  readonly #server: ListServer;
  readonly #favourites: readonly string[];
  readonly #listeners = new Set<() => void>();
  /** Of the last page; of favourites how many were asked for. */
  #cursor: string | null = null;
  #state: Listed = { items: [], newer: [], isLoading: false, hasMore: true, error: null, missing: [] };

  constructor(
    filter: Wanted,
    favourites: readonly string[],
    server: ListServer = { page: fetchGenerations, one: fetchGeneration },
  ) {
    this.filter = filter;
    this.#favourites = favourites;
    this.#server = server;
  }

  readonly state = (): Listed => this.#state;

  readonly onChange = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };

  /** The next page, unless one is on its way. After an error: the same again. */
  async more(): Promise<void> {
    const { isLoading, hasMore } = this.#state;
    if (isLoading || !hasMore) return;
    this.#change({ isLoading: true, error: null });
    try {
      await (this.filter.favourites ? this.#moreFavourites() : this.#morePages());
    } catch (error) {
      this.#change({ isLoading: false, error: (error as Error).message });
    }
  }

  /** Whether anything among the items will still change. */
  isWaiting(): boolean {
    return this.#state.items.some(({ finishedAt }) => finishedAt === null);
  }

  /** Looks at the newest page again: what has ended is shown so, and what is new is kept in `newer`. */
  async look(): Promise<void> {
    if (this.filter.favourites || this.filter.day !== null || this.#state.items.length === 0) return;
    const { nodes } = await this.#server.page({ first: PAGE, filter: asked(this.filter) });
    const fresh = new Map(nodes.map((node) => [node.id, node]));
    const known = new Set(this.#state.items.map(({ id }) => id));
    const first = nodes.findIndex(({ id }) => known.has(id));
    const items = this.#state.items.map((item) => fresh.get(item.id) ?? item);
    this.#change({ items, newer: first < 0 ? nodes : nodes.slice(0, first), error: null });
  }

  showNewer(): void {
    const { items, newer } = this.#state;
    if (newer.length === PAGE) {
      // There may be more between them and the items.
      this.#cursor = null;
      this.#change({ items: [], newer: [], hasMore: true });
      void this.more();
    } else this.#change({ items: [...newer, ...items], newer: [] });
  }

  async #morePages(): Promise<void> {
    const { nodes, pageInfo } = await this.#server.page({
      first: PAGE,
      after: this.#cursor,
      filter: asked(this.filter),
    });
    this.#cursor = pageInfo.endCursor;
    this.#add(nodes, pageInfo.hasNextPage);
  }

  async #moreFavourites(): Promise<void> {
    const from = Number(this.#cursor ?? 0);
    const ids = this.#favourites.slice(from, from + PAGE);
    const found = await Promise.all(ids.map((id) => this.#server.one(id).catch((error: Error) => ({ id, error }))));
    const lost = found.flatMap((one) => ('error' in one ? [one] : []));
    // One that another key has cannot be told from one that is gone. Where none comes, the server itself is away.
    if (lost.length > 0 && lost.length === ids.length) await this.#server.page({ first: 1 });
    this.#cursor = String(from + ids.length);
    this.#change({ missing: [...this.#state.missing, ...lost.map(({ id }) => id)] });
    const there = found.flatMap((one) => ('error' in one ? [] : [one]));
    const admitted = there.filter((one) => admits(this.filter, one));
    const hasMore = from + ids.length < this.#favourites.length;
    if (admitted.length === 0 && hasMore) await this.#moreFavourites();
    else this.#add(admitted, hasMore);
  }

  #add(nodes: readonly StoredGeneration[], hasMore: boolean): void {
    const known = new Set(this.#state.items.map(({ id }) => id));
    const items = [...this.#state.items, ...nodes.filter(({ id }) => !known.has(id))];
    this.#change({ items, hasMore, isLoading: false });
  }

  #change(part: Partial<Listed>): void {
    this.#state = { ...this.#state, ...part };
    for (const changed of this.#listeners) changed();
  }
}
