import { createStore, del, entries, get, set } from 'idb-keyval';
import type { Box } from '../mask/frame.ts';
import { emptyHistory, type History } from '../mask/mask.ts';
import type { EditSettings } from './request.ts';

/** What is kept of a picture that is being edited, until it is edited again or twenty others were. */
export interface Draft {
  readonly history: History;
  /** Null until something was chosen. */
  readonly settings: EditSettings | null;
  /** The generations that were made of it, the newest first. */
  readonly made: readonly MadeOfIt[];
  /** The picture itself. */
  readonly blob: Blob | null;
}

interface MadeOfIt {
  readonly id: string;
  /** Where the picture lay. */
  readonly place: Box;
}

interface Kept extends Draft {
  readonly format: 1;
  readonly at: number;
}

export const emptyDraft: Draft = { history: emptyHistory, settings: null, made: [], blob: null };

const MOST_DRAFTS = 20;
let opened: ReturnType<typeof createStore> | null = null;
const store = () => (opened ??= createStore('tessera-edit', 'drafts'));

/** Null where there is none, or where the browser keeps nothing. */
export async function readDraft(key: string): Promise<Draft | null> {
  try {
    const kept = await get<Kept>(key, store());
    return kept?.format === 1 ? kept : null;
  } catch {
    return null;
  }
}

/** Whether the browser has kept it. */
export async function keepDraft(key: string, draft: Draft): Promise<boolean> {
  try {
    await set(key, { ...draft, format: 1, at: Date.now() } satisfies Kept, store());
    return true;
  } catch {
    return false;
  }
}

/** Those that were not touched for the longest time make room. */
export async function forgetOldDrafts(): Promise<void> {
  try {
    const all = await entries<string, Kept>(store());
    const old = all.sort(([, one], [, other]) => other.at - one.at).slice(MOST_DRAFTS);
    for (const [key] of old) await del(key, store());
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}
