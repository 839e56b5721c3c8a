import { TesseraError } from '@tessera/errors';
import type { PageRequest } from '@tessera/store';
import type { ApiBuilder, ApiSchemaTypes } from './builder.ts';

/* Pages of long lists, as Relay's specification of connections has them. */

/** Most items of a page. */
const MOST_LISTED = 100;
const USUALLY_LISTED = 20;

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

/** What a query asks for. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** A page as the service gives it. */
interface Listed<T> {
  readonly items: readonly (T & { readonly cursor: string })[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

export interface Connection<T> extends Listed<T> {
  /** Counts everything that the list has; asked only where the query asks. */
  total(): Promise<number>;
}

type ItemRef<T> = PothosSchemaTypes.ObjectRef<PothosSchemaTypes.ExtendDefaultTypes<ApiSchemaTypes>, T>;

/** `NAMEConnection` and `NAMEEdge` of an item's type. */
export function addConnection<T extends object>(builder: ApiBuilder, item: ItemRef<T>, description: string) {
  const pageInfo = addPageInfo(builder);
  const edge = builder.objectRef<T & { readonly cursor: string }>(`${item.name}Edge`).implement({
    description: 'An item of a list, and its place in it.',
    fields: (t) => ({
      cursor: t.string({ description: 'For after and before.', resolve: ({ cursor }) => cursor }),
      node: t.field({ type: item, description: 'The item.', resolve: (one) => one as never }),
    }),
  });
  return builder.objectRef<Connection<T>>(`${item.name}Connection`).implement({
    description,
    fields: (t) => ({
      // Each is counted as often as the list may have items: by the field that gives the connection.
      edges: t.field({
        type: [edge],
        description: 'The items of this page, each with its cursor.',
        complexity: { multiplier: 1 },
        resolve: ({ items }) => [...items],
      }),
      nodes: t.field({
        type: [item],
        description: 'The items of this page alone.',
        complexity: { multiplier: 1 },
        resolve: ({ items }) => [...items] as never,
      }),
      pageInfo: t.field({ type: pageInfo, description: 'Whether there is more.', resolve: pageInfoOf }),
      totalCount: t.int({
        description: 'How many the whole list has now. Counted only where it is asked for.',
        complexity: 100,
        resolve: (page) => page.total(),
      }),
    }),
  });
}

function addPageInfo(builder: ApiBuilder) {
  return builder.objectRef<PageInfo>('PageInfo').implement({
    description: 'Where a page lies in its list.',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', { description: 'There is more after its last item.' }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'There is more before its first item.' }),
      startCursor: t.exposeString('startCursor', {
        nullable: true,
        description: 'Of its first item, for before; null where the page is empty.',
      }),
      endCursor: t.exposeString('endCursor', {
        nullable: true,
        description: 'Of its last item, for after; null where the page is empty.',
      }),
    }),
  });
}

function pageInfoOf({ items, hasNext, hasPrevious }: Listed<unknown>): PageInfo {
  const [startCursor, endCursor] = [items[0]?.cursor ?? null, items.at(-1)?.cursor ?? null];
  return { hasNextPage: hasNext, hasPreviousPage: hasPrevious, startCursor, endCursor };
}

type QueryFields = Parameters<Parameters<ApiBuilder['queryFields']>[0]>[0];

export function pageArguments(t: QueryFields) {
  return {
    first: t.arg.int({
      description: `How many items, 1 to ${MOST_LISTED}, from the beginning or from after on. ${USUALLY_LISTED} where last is left out too.`,
    }),
    after: t.arg.string({ description: 'The cursor of the item before the page: endCursor of the page before.' }),
    last: t.arg.int({ description: `How many items, 1 to ${MOST_LISTED}, up to the end or to before.` }),
    before: t.arg.string({ description: 'The cursor of the item after the page: startCursor of the page after.' }),
  };
}

/** The most items that a page may hold: bounds the size of an answer. */
export function mostItems({ first, last }: PageArguments): number {
  return Math.min(Math.max(first ?? last ?? USUALLY_LISTED, 1), MOST_LISTED);
}

/**
 * Of a list whose newest item is first.
 * @throws TesseraError `page-invalid`, `count-out-of-range`
 */
export function readPage({ first, after, last, before }: PageArguments, who: string): PageRequest {
  const isBackward = last != null || before != null;
  if (isBackward && (first != null || after != null)) throw twoWays(who);
  const name = isBackward ? 'last' : 'first';
  const count = (isBackward ? last : first) ?? USUALLY_LISTED;
  if (count < 1 || count > MOST_LISTED) throw outOfRange(name, count, who);
  return { count, direction: isBackward ? 'newer' : 'older', cursor: (isBackward ? before : after) ?? null };
}

function twoWays(who: string): TesseraError {
  return new TesseraError({
    code: 'page-invalid',
    who,
    got: 'arguments of both directions',
    expected: 'first with after, or last with before',
    next: 'Leave out the others.',
  });
}

function outOfRange(name: string, count: number, who: string): TesseraError {
  return new TesseraError({
    code: 'count-out-of-range',
    who,
    got: `${name}: ${count}`,
    expected: `a number from 1 to ${MOST_LISTED}`,
    next: `Correct ${name}, or leave it out for ${USUALLY_LISTED}.`,
  });
}
