import { useEffect, useRef } from 'react';

export interface Keys {
  run(): void;
  stop(): void;
  play(): void;
  step(by: number): void;
  help(): void;
}

/** What each key does, for the list that `?` shows. */
export const shortcuts = [
  { keys: 'Enter', does: 'Generate' },
  { keys: 'Escape', does: 'Stop what runs' },
  { keys: 'Space', does: 'Play or pause the steps' },
  { keys: '← →', does: 'One step back or on' },
  { keys: '?', does: 'Show these keys' },
] as const;

/** Keys of the whole room, where the element that has the focus does not use them itself. */
export function useKeys(isOn: boolean, keys: Keys): void {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    if (!isOn) return;
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = actionOf(event.key, event.target as Element);
      if (!action) return;
      event.preventDefault();
      action(newest.current);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [isOn]);
}

const typing = 'input:not([type=checkbox], [type=radio], [type=range]), select, textarea, [contenteditable]';
const pressed = `${typing}, button, summary, a[href], input`;
const moved = `${typing}, input[type=radio], input[type=range]`;

function actionOf(key: string, target: Element): ((keys: Keys) => void) | null {
  const isOn = (selector: string) => target.closest?.(selector) != null;
  if (isOn('dialog')) return null;
  switch (key) {
    case 'Enter':
      // Fields of the form run it by themselves.
      return isOn(`${typing}, button, summary, a[href], form`) ? null : (keys) => keys.run();
    case 'Escape':
      return (keys) => keys.stop();
    case ' ':
      return isOn(pressed) ? null : (keys) => keys.play();
    case 'ArrowLeft':
    case 'ArrowRight':
      return isOn(moved) ? null : (keys) => keys.step(key === 'ArrowLeft' ? -1 : 1);
    case '?':
      return isOn(typing) ? null : (keys) => keys.help();
    default:
      return null;
  }
}
