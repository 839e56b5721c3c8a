import { useEffect, useRef } from 'react';

export interface Keys {
  run(): void;
  stop(): void;
  play(): void;
  step(by: number): void;
}

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

/** Fields that take letters. */
export const typing = 'input:not([type=checkbox], [type=radio], [type=range]), select, textarea, [contenteditable]';
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
    default:
      return null;
  }
}
