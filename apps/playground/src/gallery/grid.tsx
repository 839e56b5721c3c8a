import { useWindowVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { modelOf } from '../api/model-of.ts';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { columnsIn, neighbour, rowOf, rowsOf } from './rows.ts';
import { Tile } from './tile.tsx';
import type { Held, Picking } from './use-picking.ts';
import { subjectOf } from './wording.ts';

const GAP = 12;
const LEAST = 144;
/** Beneath the pictures of a tile, and of a day: at the usual size of text. */
const CAPTION = 48;
/** Where what is shown takes two lines. */
const LONG_CAPTION = 66;
/** Of a letter, in pixels: about. */
const LETTER = 7;
const DAY = 52;
const USUAL_TEXT = 16;

interface GridProps {
  readonly items: readonly StoredGeneration[];
  readonly models: readonly Model[];
  readonly favourites: readonly string[];
  /** The one that is looked at: Tab leads to it. */
  readonly picked: string | null;
  /** How many times what has focus was moved from outside: after a removal. */
  readonly refocus: number;
  /** Several, for something that is done with all of them. */
  readonly choice: Picking['choice'];
  onPick(id: string): void;
  onOpen(id: string): void;
  onRemove(ids: readonly string[]): void;
  onFavourite(ids: readonly string[]): void;
  /** The end of what is loaded comes into view. */
  onEnd(): void;
}

/** Days with their pictures. Only what is in view, and what has focus, is in the document. */
export function Grid(props: GridProps) {
  const { items, models, picked, choice, onEnd, onPick } = props;
  const grid = useRef<HTMLDivElement>(null);
  const { width, top, text } = usePlace(grid);
  const columns = columnsIn(width, { least: LEAST, gap: GAP });
  const rows = useMemo(() => rowsOf(items, columns, new Date()), [items, columns]);
  const side = Math.floor((width - GAP * (columns - 1)) / columns);
  const caption = useMemo(() => {
    const lengthOf = (item: StoredGeneration) =>
      subjectOf(
        item,
        models.find(({ name }) => name === item.modelName),
      ).length;
    return items.some((item) => lengthOf(item) * LETTER * text > side) ? LONG_CAPTION : CAPTION;
  }, [items, models, side, text]);
  const atPicked = picked === null ? -1 : rowOf(rows, picked);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => (rows[index]!.kind === 'day' ? DAY * text : side + caption * text + GAP),
    getItemKey: (index) => keyOf(rows[index]!),
    overscan: 2,
    scrollMargin: top,
    scrollPaddingStart: 60,
    // On a narrow screen what is picked comes up from the bottom.
    scrollPaddingEnd: matchMedia('(max-width: 980px)').matches ? innerHeight * 0.54 : 0,
    rangeExtractor: useCallback((range: Range) => withRow(range, atPicked), [atPicked]),
  });
  useLayoutEffect(() => virtual.measure(), [virtual, side, text, caption]);
  const shown = virtual.getVirtualItems();
  const isAtEnd = rows.length === 0 || (virtual.range?.endIndex ?? 0) >= rows.length - 4;
  useEffect(() => {
    if (isAtEnd) onEnd();
  }, [isAtEnd, items.length, onEnd]);
  const focus = useFocus(grid, picked, props.refocus);
  const move = (to: StoredGeneration | null, isRow: boolean) => {
    if (!to) return;
    focus();
    choice.move(to.id, isRow);
    onPick(to.id);
    virtual.scrollToIndex(rowOf(rows, to.id), { align: 'auto' });
  };
  // Tiles that stay as they are need not be drawn again for it.
  const click = useRef(choice.click);
  useEffect(() => void (click.current = choice.click));
  const clicked = useCallback((id: string, held: Held) => click.current(id, held), []);
  const first = rows.find((row) => row.kind === 'tiles')?.items[0]?.id;
  const here = rows[virtual.range?.startIndex ?? 0]?.day;
  const isScrolled = (virtual.scrollOffset ?? 0) > top + DAY * text;
  return (
    <>
      {isScrolled && here && (
        <p className="gallery-day" aria-hidden="true">
          <span>{here}</span>
        </p>
      )}
      <div
        ref={grid}
        role="grid"
        aria-label="Pictures"
        aria-rowcount={rows.length}
        aria-multiselectable="true"
        className="gallery-grid"
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={(event) =>
          onKey(event, props, (key) => move(picked === null ? null : neighbour(rows, picked, key), event.shiftKey))
        }
      >
        {shown.map(({ index, key, start }) => {
          const row = rows[index]!;
          const place = { transform: `translateY(${start - top}px)` };
          return (
            <div key={key} role="row" aria-rowindex={index + 1} className={`gallery-${row.kind}`} style={place}>
              {row.kind === 'day' ? (
                <div role="gridcell">
                  <h2>{row.day}</h2>
                </div>
              ) : (
                row.items.map((item) => (
                  <Tile
                    key={item.id}
                    generation={item}
                    model={modelOf(models, item.modelName, item)}
                    side={side}
                    isFavourite={props.favourites.includes(item.id)}
                    isPicked={item.id === picked}
                    isChosen={choice.ids.has(item.id)}
                    isChoosing={choice.isChoosing}
                    isReachable={item.id === (atPicked < 0 ? first : picked)}
                    onPick={onPick}
                    onClick={clicked}
                    onOpen={props.onOpen}
                  />
                ))
              )}
            </div>
          );
        })}
      </div>
    </>
  );
}

function keyOf(row: ReturnType<typeof rowsOf<StoredGeneration>>[number]): string {
  return row.kind === 'day' ? row.day : row.items[0]!.id;
}

/** What is in view, and the row that has focus. */
function withRow({ startIndex, endIndex, overscan, count }: Range, row: number): number[] {
  const from = Math.max(0, startIndex - overscan);
  const to = Math.min(count - 1, endIndex + overscan);
  const indices = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  if (row < 0 || row >= count || (row >= from && row <= to)) return indices;
  return row < from ? [row, ...indices] : [...indices, row];
}

function onKey(event: KeyboardEvent, props: GridProps, move: (key: string) => void): void {
  const { picked, choice, onOpen, onRemove, onFavourite } = props;
  const { key } = event;
  const isAll = key === 'a' && (event.ctrlKey || event.metaKey);
  if (picked === null || (!isAll && (event.ctrlKey || event.metaKey)) || event.altKey) return;
  const meant = choice.items.length > 0 ? choice.items.map(({ id }) => id) : [picked];
  if (isAll) choice.all();
  else if (/^(Arrow|Home|End)/.test(key)) move(key);
  else if (key === ' ') choice.toggle(picked);
  else if (key === 'Enter') onOpen(picked);
  else if (key === 'Delete' || key === 'Backspace') onRemove(meant);
  else if (key === 'f') onFavourite(meant);
  else return;
  event.preventDefault();
}

/** Its width, how far it is from the top of the page, and how large its text is: they change with the window. */
function usePlace(element: React.RefObject<HTMLElement | null>) {
  const [place, setPlace] = useState({ width: LEAST, top: 0, text: 1 });
  useLayoutEffect(() => {
    const measure = () => {
      const { width, top } = element.current!.getBoundingClientRect();
      const text = Number.parseFloat(getComputedStyle(element.current!).fontSize) / USUAL_TEXT;
      const next = { width: Math.floor(width), top: Math.round(top + scrollY), text };
      setPlace((before) => (JSON.stringify(before) === JSON.stringify(next) ? before : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element]);
  return place;
}

/** Focus follows what is picked where a key picked it: `focus` says so before. */
function useFocus(grid: React.RefObject<HTMLElement | null>, picked: string | null, refocus: number): () => void {
  const wanted = useRef(false);
  useEffect(() => {
    if (refocus > 0) wanted.current = true;
  }, [refocus]);
  useEffect(() => {
    if (!wanted.current || picked === null) return;
    wanted.current = false;
    grid.current!.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
  }, [grid, picked, refocus]);
  return () => void (wanted.current = true);
}
