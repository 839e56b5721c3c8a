import { useEffect, useRef } from 'react';
import './shortcuts.css';

const everywhere = [
  ['Tab', 'To the next field, button or picture'],
  ['?', 'Show these keys'],
] as const;

/** What keys do in a room, by its path. */
const ofRoom: Readonly<Record<string, readonly (readonly [keys: string, does: string])[]>> = {
  '/': [
    ['Enter', 'Generate'],
    ['Escape', 'Stop what runs'],
    ['Space', 'Play or pause the steps'],
    ['← →', 'One step back or on'],
  ],
  '/edit': [
    ['← → ↑ ↓', 'Choose a token of the picture; with Shift several'],
    ['X', 'Mark what is chosen, or keep it'],
    ['B, E, R, L', 'Brush, eraser, rectangle, lasso'],
    ['[ ]', 'A smaller or larger brush'],
    ['I', 'Mark the rest instead'],
    ['Delete', 'Clear the mask'],
    ['Ctrl Z, Ctrl Shift Z', 'Undo, redo'],
    ['+ − 0', 'Zoom in, out, back'],
    ['W A S D', 'Move what is zoomed'],
    ['Ctrl Enter', 'Generate'],
    ['Escape', 'Back to the mask'],
  ],
  '/gallery': [
    ['← → ↑ ↓', 'To another picture'],
    ['Enter', 'Open it'],
    ['Space', 'Choose it; Ctrl A chooses all'],
    ['F', 'Mark as a favourite'],
    ['Delete', 'Delete; Ctrl Z brings it back'],
    ['Escape', 'Choose none'],
  ],
};

/** What the keys do. The browser gives the focus back to where it was. */
export function Shortcuts({ room, onClose }: { readonly room: string; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} className="shortcuts" aria-labelledby="shortcuts-title" onClose={onClose}>
      <h2 id="shortcuts-title">Keys</h2>
      <dl>
        {[...(ofRoom[room] ?? []), ...everywhere].map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => dialog.current!.close()}>
        Close
      </button>
    </dialog>
  );
}
