/* How the pictures lie: days, each with rows of tiles. */

interface Dated {
  readonly id: string;
  readonly createdAt: string;
}

export type Row<T> =
  | { readonly kind: 'day'; readonly day: string }
  /** `first`: place of its first item among all. */
  | { readonly kind: 'tiles'; readonly day: string; readonly first: number; readonly items: readonly T[] };

/** Newest first, as the items come; a day begins a new row. */
export function rowsOf<T extends Dated>(items: readonly T[], columns: number, now: Date): readonly Row<T>[] {
  const rows: Row<T>[] = [];
  let midnight = Number.NaN;
  let day = '';
  let last: T[] = [];
  items.forEach((item, place) => {
    const date = new Date(item.createdAt);
    const isNewDay = midnightOf(date) !== midnight;
    if (isNewDay) {
      midnight = midnightOf(date);
      day = dayOf(date, now);
      rows.push({ kind: 'day', day });
    }
    if (isNewDay || last.length === columns) rows.push({ kind: 'tiles', day, first: place, items: (last = []) });
    last.push(item);
  });
  return rows;
}

const withYear = formatOf({ year: 'numeric' });
const withoutYear = formatOf({});

/** `Today`, `Yesterday`, `Monday 23 November`, and the year where it is another. */
export function dayOf(date: Date, now: Date): string {
  const days = Math.round((midnightOf(now) - midnightOf(date)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const format = date.getFullYear() === now.getFullYear() ? withoutYear : withYear;
  return format.format(date).replace(',', '');
}

/** To make one takes long. */
function formatOf(year: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', ...year });
}

function midnightOf(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** How many tiles of a least width fit beside each other. */
export function columnsIn(width: number, { least, gap }: { readonly least: number; readonly gap: number }): number {
  return Math.max(1, Math.floor((width + gap) / (least + gap)));
}

/** The row in which an item lies; -1 where it does not. */
export function rowOf<T extends Dated>(rows: readonly Row<T>[], id: string): number {
  return rows.findIndex((row) => row.kind === 'tiles' && row.items.some((item) => item.id === id));
}

/** The item to which a key moves from another; null where it moves nowhere. Up and down keep the column. */
export function neighbour<T extends Dated>(rows: readonly Row<T>[], id: string, key: string): T | null {
  const tiles = rows.filter((row) => row.kind === 'tiles');
  const items = tiles.flatMap((row) => row.items);
  const place = items.findIndex((item) => item.id === id);
  if (place < 0) return null;
  const row = tiles.findLastIndex(({ first }) => first <= place);
  const column = place - tiles[row]!.first;
  const inRow = (to: number) => tiles[to]?.items[Math.min(column, tiles[to].items.length - 1)] ?? null;
  switch (key) {
    case 'ArrowLeft':
      return items[place - 1] ?? null;
    case 'ArrowRight':
      return items[place + 1] ?? null;
    case 'ArrowUp':
      return inRow(row - 1);
    case 'ArrowDown':
      return inRow(row + 1);
    case 'Home':
      return items[0]!;
    case 'End':
      return items.at(-1)!;
    default:
      return null;
  }
}
