import type { Removals } from './removals.ts';

interface UndoBarProps {
  readonly removed: Removals;
  onUndo(): void;
}

/** Says what was deleted, as long as it can be undone. */
export function UndoBar({ removed: { waiting, error }, onUndo }: UndoBarProps) {
  return (
    <div role="status">
      {waiting.length > 0 && (
        <div className="gallery-undo">
          <p>{waiting.length === 1 ? 'Deleted.' : `${waiting.length} deleted.`}</p>
          <button type="button" onClick={onUndo}>
            Undo
          </button>
        </div>
      )}
      {error && <p className="gallery-undo bad">It could not be deleted, and is here again: {error}</p>}
    </div>
  );
}
