import type { Box, Frame } from '../mask/frame.ts';

export const tools = ['brush', 'eraser', 'rectangle', 'lasso'] as const;
export type ToolName = (typeof tools)[number];

export type Command =
  | { readonly kind: 'undo' | 'redo' | 'invert' | 'clear' | 'smaller' | 'larger' | 'generate' | 'leave' }
  | { readonly kind: 'tool'; readonly tool: ToolName }
  | { readonly kind: 'zoom'; readonly factor: number }
  /** The window over the picture goes so many eighths of itself to the right and down. */
  | { readonly kind: 'pan'; readonly x: number; readonly y: number };

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>;

const plain: Readonly<Record<string, Command>> = {
  b: { kind: 'tool', tool: 'brush' },
  e: { kind: 'tool', tool: 'eraser' },
  r: { kind: 'tool', tool: 'rectangle' },
  l: { kind: 'tool', tool: 'lasso' },
  i: { kind: 'invert' },
  '[': { kind: 'smaller' },
  ']': { kind: 'larger' },
  delete: { kind: 'clear' },
  backspace: { kind: 'clear' },
  escape: { kind: 'leave' },
  '+': { kind: 'zoom', factor: 1.5 },
  '=': { kind: 'zoom', factor: 1.5 },
  '-': { kind: 'zoom', factor: 1 / 1.5 },
  '0': { kind: 'zoom', factor: 0 },
  w: { kind: 'pan', x: 0, y: -1 },
  a: { kind: 'pan', x: -1, y: 0 },
  s: { kind: 'pan', x: 0, y: 1 },
  d: { kind: 'pan', x: 1, y: 0 },
};

/** What a key asks of the room; null where it asks nothing. */
export function commandOf({ key, ctrlKey, metaKey, shiftKey, altKey }: Key): Command | null {
  const letter = key.toLowerCase();
  if (ctrlKey || metaKey) {
    if (letter === 'z') return { kind: shiftKey ? 'redo' : 'undo' };
    if (letter === 'y') return { kind: 'redo' };
    return letter === 'enter' ? { kind: 'generate' } : null;
  }
  return altKey || !Object.hasOwn(plain, letter) ? null : plain[letter]!;
}

interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** A token chosen by keys, and where the choice began where it is larger. */
export interface CellCursor {
  readonly at: CellPlace;
  readonly anchor: CellPlace;
}

export const firstCell: CellCursor = { at: { row: 0, column: 0 }, anchor: { row: 0, column: 0 } };

const moves: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
  PageUp: [-Infinity, 0],
  PageDown: [Infinity, 0],
};

/** Null where the key does not move it. With Shift the choice grows. */
export function moveCells({ at, anchor }: CellCursor, { key, shiftKey }: Key, frame: Frame): CellCursor | null {
  if (!Object.hasOwn(moves, key)) return null;
  const move = moves[key]!;
  const limit = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
  const to = { row: limit(at.row + move[0], frame.rows), column: limit(at.column + move[1], frame.columns) };
  return { at: to, anchor: shiftKey ? anchor : to };
}

/** The chosen tokens, by row and column; `bottom` and `right` are not part of it. */
export function chosenCells({ at, anchor }: CellCursor) {
  return {
    top: Math.min(at.row, anchor.row),
    bottom: Math.max(at.row, anchor.row) + 1,
    left: Math.min(at.column, anchor.column),
    right: Math.max(at.column, anchor.column) + 1,
  };
}

export function chosenBox(cursor: CellCursor, { rows, columns }: Frame): Box {
  const { top, bottom, left, right } = chosenCells(cursor);
  return { x0: left / columns, x1: right / columns, y0: top / rows, y1: bottom / rows };
}

/** Whether all chosen tokens are drawn again. */
export function areFreed(cursor: CellCursor, freed: Uint8Array, { columns }: Frame): boolean {
  const { top, bottom, left, right } = chosenCells(cursor);
  for (let row = top; row < bottom; row++) {
    if (!freed.subarray(row * columns + left, row * columns + right).every(Boolean)) return false;
  }
  return true;
}

/** For screen readers. */
export function describeCells(cursor: CellCursor, freed: Uint8Array, frame: Frame): string {
  const { top, bottom, left, right } = chosenCells(cursor);
  const count = (bottom - top) * (right - left);
  const where =
    count === 1
      ? `Row ${top + 1}, column ${left + 1}`
      : `${range('Row', top, bottom)}, ${range('column', left, right)}, ${count} tokens`;
  return `${where}: ${areFreed(cursor, freed, frame) ? 'drawn again' : count === 1 ? 'stays' : 'not all drawn again'}`;
}

function range(name: string, from: number, until: number): string {
  return until - from === 1 ? `${name} ${until}` : `${name}s ${from + 1} to ${until}`;
}
