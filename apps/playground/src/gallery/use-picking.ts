import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { modelOf } from '../api/model-of.ts';
import type { Model, StoredGeneration } from '../api/operations.ts';
import type { Looked } from './details.tsx';
import type { RemovalStore } from './removals.ts';

/** What was picked when the gallery was left: it is found again at once. */
let pickedLast: { readonly id: string; readonly image: number } | null = null;

/** Which keys were held at a click. */
export interface Held {
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}

const none: ReadonlySet<string> = new Set();

export interface Picking {
  readonly picked: { readonly id: string; readonly image: number } | null;
  readonly looked: Looked | null;
  readonly held: Looked | null;
  /** How many times focus was moved by a removal. */
  readonly refocus: number;
  readonly choice: Choice;
  pick(id: string): void;
  showImage(image: number): void;
  hold(): void;
  release(): void;
  close(): void;
  /** Focus goes to the one that takes their place. */
  remove(ids: readonly string[]): void;
  /** Of those that are chosen the first two, side by side. */
  compareChosen(): void;
  /** Forgets what was chosen; focus goes back to the pictures. */
  chooseNoMore(): void;
}

/** Several at once: by Control and Shift, by Space and Shift with arrows, and by taps once choosing has begun. */
export interface Choice {
  readonly ids: ReadonlySet<string>;
  readonly items: readonly StoredGeneration[];
  readonly isChoosing: boolean;
  begin(): void;
  /** Forgets what was chosen. */
  end(): void;
  all(): void;
  toggle(id: string): void;
  click(id: string, held: Held): void;
  /** A key has moved to another one; `isRow` chooses all up to it. */
  move(id: string, isRow: boolean): void;
}

interface PickingOf {
  readonly items: readonly StoredGeneration[];
  readonly models: readonly Model[];
  readonly removals: RemovalStore;
}

/** Which picture is looked at, which one is held beside it, and which are chosen for something that is done with several. */
export function usePicking({ items, models, removals }: PickingOf): Picking {
  const [picked, setPicked] = useState(pickedLast);
  const [held, setHeld] = useState<Looked | null>(null);
  const [refocus, setRefocus] = useState(0);
  const choice = useChoice(items, picked?.id ?? null);
  useEffect(() => void (pickedLast = picked), [picked]);
  const pick = useCallback((id: string) => setPicked((before) => (before?.id === id ? before : { id, image: 0 })), []);
  const lookedAt = (generation: StoredGeneration, image: number): Looked => {
    return { generation, image, model: modelOf(models, generation.modelName, generation) };
  };
  const generation = picked && items.find(({ id }) => id === picked.id);
  const looked = generation ? lookedAt(generation, picked.image) : null;
  const remove = (ids: readonly string[]) => {
    const places = items.flatMap(({ id }, place) => (ids.includes(id) ? place : []));
    const left = (one: StoredGeneration) => !ids.includes(one.id);
    const next = items.slice(places.at(-1)).find(left) ?? items.slice(0, places[0]).findLast(left);
    removals.remove(ids);
    setPicked(next ? { id: next.id, image: 0 } : null);
    setHeld((before) => (before && ids.includes(before.generation.id) ? null : before));
    choice.end();
    setRefocus((times) => times + 1);
  };
  return {
    ...{ picked: looked && picked, looked, held, refocus, choice, pick, remove },
    showImage: (image: number) => setPicked((before) => before && { ...before, image }),
    hold: () => setHeld(looked),
    release: () => setHeld(null),
    close: () => {
      setHeld(null);
      setPicked(null);
    },
    compareChosen: () => {
      const [first, second] = choice.items;
      choice.end();
      setHeld(lookedAt(first!, 0));
      setPicked({ id: second!.id, image: 0 });
      setRefocus((times) => times + 1);
    },
    chooseNoMore: () => {
      choice.end();
      setRefocus((times) => times + 1);
    },
  };
}

function useChoice(all: readonly StoredGeneration[], picked: string | null): Choice {
  const [ids, setIds] = useState(none);
  const [isOpen, setIsOpen] = useState(false);
  /** Where a row of them begins. */
  const anchor = useRef<string | null>(null);
  const items = useMemo(() => all.filter(({ id }) => ids.has(id)), [all, ids]);
  const isChoosing = isOpen || items.length > 0;
  const upTo = (id: string) => {
    const places = [anchor.current ?? picked ?? id, id].map((one) => all.findIndex((item) => item.id === one));
    const [from, to] = [Math.min(...places), Math.max(...places)];
    setIds(new Set([...ids, ...all.slice(Math.max(0, from), to + 1).map((item) => item.id)]));
  };
  const toggle = (id: string) => {
    anchor.current = id;
    setIds(ids.has(id) ? new Set([...ids].filter((one) => one !== id)) : new Set([...ids, id]));
  };
  return {
    ...{ ids, items, isChoosing, toggle },
    begin: () => setIsOpen(true),
    all: () => setIds(new Set(all.map(({ id }) => id))),
    end: () => {
      setIds(none);
      setIsOpen(false);
    },
    click: (id: string, { shiftKey, ctrlKey, metaKey }: Held) => {
      if (shiftKey) upTo(id);
      else if (isChoosing) toggle(id);
      else if (ctrlKey || metaKey) {
        // The one that is looked at belongs to them.
        const first = anchor.current;
        anchor.current = id;
        setIds(new Set([...(first === null ? [] : [first]), id]));
      } else anchor.current = id;
    },
    move: (id: string, isRow: boolean) => {
      if (isRow) upTo(id);
      else anchor.current = id;
    },
  };
}
