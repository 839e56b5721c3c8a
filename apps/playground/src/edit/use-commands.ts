import { useEffect, useRef } from 'react';
import { commandOf, type ToolName } from './keys.ts';
import type { Tool } from './use-drawing.ts';

export interface Actions {
  undo(): void;
  redo(): void;
  invert(): void;
  clear(): void;
  /** 0 is as large as fits. */
  zoom(factor: number): void;
  /** By eighths of what is in sight. */
  pan(x: number, y: number): void;
  generate(): void;
  /** From the variants back to the mask. */
  leave(): void;
  setTool(tool: Tool): void;
}

export const LEAST_BREADTH = 0.02;
export const MOST_BREADTH = 0.5;

export function withBreadth(tool: Tool, breadth: number): Tool {
  return { ...tool, breadth: Math.max(LEAST_BREADTH, Math.min(MOST_BREADTH, breadth)) };
}

/** The keys of the room, wherever the person is in it, except where they type. */
export function useCommands(tool: Tool, actions: Actions, isDrawing: boolean): void {
  const newest = useRef({ tool, actions, isDrawing });
  useEffect(() => void (newest.current = { tool, actions, isDrawing }));
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const command = commandOf(event);
      if (!command || event.defaultPrevented) return;
      if (isTyping(event.target) && command.kind !== 'generate') return;
      const { tool: held, actions: act, isDrawing: isMask } = newest.current;
      // What is done to the mask must be seen.
      if (!isMask && command.kind !== 'generate' && command.kind !== 'leave') return;
      event.preventDefault();
      const pick = (name: ToolName) => act.setTool({ ...held, name });
      switch (command.kind) {
        case 'tool':
          return pick(command.tool);
        case 'zoom':
          return act.zoom(command.factor);
        case 'pan':
          return act.pan(command.x, command.y);
        case 'smaller':
          return act.setTool(withBreadth(held, held.breadth / 1.25));
        case 'larger':
          return act.setTool(withBreadth(held, held.breadth * 1.25));
        default:
          return act[command.kind]();
      }
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isText = target instanceof HTMLInputElement && !['radio', 'checkbox', 'range'].includes(target.type);
  return isText || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
