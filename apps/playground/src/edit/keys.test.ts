import { describe, expect, it } from 'vitest';
import type { Frame } from '../mask/frame.ts';
import { areFreed, chosenBox, commandOf, describeCells, firstCell, moveCells, type CellCursor } from './keys.ts';

const frame: Frame = { width: 32, height: 32, channels: 1, columns: 8, rows: 4 };
const none = { key: '', ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };
const press = (cursor: CellCursor, key: string, shiftKey = false) =>
  moveCells(cursor, { ...none, key, shiftKey }, frame);

describe('commandOf', () => {
  it('knows the keys of Windows and of macOS, and leaves other combinations to the browser', () => {
    expect(commandOf({ ...none, key: 'z', ctrlKey: true })).toEqual({ kind: 'undo' });
    expect(commandOf({ ...none, key: 'Z', metaKey: true, shiftKey: true })).toEqual({ kind: 'redo' });
    expect(commandOf({ ...none, key: 'y', ctrlKey: true })).toEqual({ kind: 'redo' });
    expect(commandOf({ ...none, key: '[' })).toEqual({ kind: 'smaller' });
    expect(commandOf({ ...none, key: 'L' })).toEqual({ kind: 'tool', tool: 'lasso' });
    for (const held of ['ctrlKey', 'metaKey', 'altKey']) {
      expect(commandOf({ ...none, key: 'r', [held]: true })).toBeNull();
    }
    expect(commandOf({ ...none, key: 'constructor' })).toBeNull();
  });
});

describe('the cell cursor', () => {
  it('stays in the grid', () => {
    expect(press(firstCell, 'ArrowUp')).toEqual(firstCell);
    expect(press(firstCell, 'End')?.at).toEqual({ row: 0, column: 7 });
    expect(press(firstCell, 'PageDown')?.at).toEqual({ row: 3, column: 0 });
    expect(press(firstCell, 'q')).toBeNull();
  });

  it('chooses more with Shift, in every direction, and one again without', () => {
    const at = { at: { row: 2, column: 3 }, anchor: { row: 2, column: 3 } };
    const wider = press(press(at, 'ArrowLeft', true)!, 'ArrowUp', true)!;
    expect(chosenBox(wider, frame)).toEqual({ x0: 2 / 8, x1: 4 / 8, y0: 1 / 4, y1: 3 / 4 });
    expect(press(wider, 'ArrowRight')).toEqual({ at: { row: 1, column: 3 }, anchor: { row: 1, column: 3 } });
  });

  it('says where it is and whether all of it is drawn again', () => {
    const freed = new Uint8Array(32).fill(1, 0, 2);
    const two = press(firstCell, 'ArrowRight', true)!;
    const three = press(two, 'ArrowRight', true)!;
    expect([two, three].map((cursor) => areFreed(cursor, freed, frame))).toEqual([true, false]);
    expect(describeCells(firstCell, freed, frame)).toBe('Row 1, column 1: drawn again');
    expect(describeCells(press(three, 'ArrowRight')!, freed, frame)).toBe('Row 1, column 4: stays');
    expect(describeCells(three, freed, frame)).toBe('Row 1, columns 1 to 3, 3 tokens: not all drawn again');
  });
});
