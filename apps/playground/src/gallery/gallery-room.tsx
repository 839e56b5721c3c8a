import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { useModels } from '../api/use-models.ts';
import { ErrorNote } from '../error-note.tsx';
import { Details, Title, type Looked } from './details.tsx';
import { forgetFavourites, toggleFavourite, useFavourites } from './favourites.ts';
import { everything, filterAddress, readFilter } from './filter.ts';
import { Filters } from './filters.tsx';
import type { Listed } from './generation-list.ts';
import { Grid } from './grid.tsx';
import { Pair } from './pair.tsx';
import { RemovalStore } from './removals.ts';
import { UndoBar } from './undo-bar.tsx';
import { listOf, useList } from './use-list.ts';
import './details.css';
import './gallery.css';

const removals = new RemovalStore();
/** What was picked when the gallery was left: it is found again at once. */
let pickedLast: { readonly id: string; readonly image: number } | null = null;

/** All generations of the server, or of its key. */
export function GalleryRoom() {
  const search = useSearch();
  const [, navigate] = useLocation();
  const { filter, refused } = useMemo(() => readFilter(search), [search]);
  const models = useModels().models ?? [];
  const favourites = useFavourites();
  const address = filterAddress(filter);
  // Favourites that are marked meanwhile do not begin the list again.
  const list = useMemo(() => listOf(filter, favourites), [address]);
  const listed = useList(list);
  const removed = useSyncExternalStore(removals.onChange, removals.state);
  const items = useMemo(() => listed.items.filter(({ id }) => !removed.hidden.has(id)), [listed.items, removed.hidden]);
  const picking = usePicking(items, models);
  useLeaving();
  const onEnd = useCallback(() => void list.more(), [list]);
  return (
    <main className="gallery" aria-label="Gallery">
      <div className="gallery-list">
        <Filters filter={filter} models={models} onChange={(to) => navigate(filterAddress(to), { replace: true })} />
        <Notes listed={listed} refused={refused} onNewer={() => list.showNewer()} />
        <Grid
          items={items}
          models={models}
          favourites={favourites}
          picked={picking.picked?.id ?? null}
          refocus={picking.refocus}
          onPick={picking.pick}
          onOpen={(id) => navigate(`/g/${id}?image=0`)}
          onRemove={picking.remove}
          onFavourite={toggleFavourite}
          onEnd={onEnd}
        />
        <End listed={listed} isEmpty={items.length === 0} isFiltered={address !== '/gallery'} onAgain={onEnd} />
      </div>
      <Side picking={picking} favourites={favourites} />
      <UndoBar removed={removed} onUndo={() => removals.undo()} />
    </main>
  );
}

type Picking = ReturnType<typeof usePicking>;

/** Which picture is looked at, and which one is held beside it. */
function usePicking(items: readonly StoredGeneration[], models: readonly Model[]) {
  const [picked, setPicked] = useState(pickedLast);
  const [held, setHeld] = useState<Looked | null>(null);
  const [refocus, setRefocus] = useState(0);
  useEffect(() => void (pickedLast = picked), [picked]);
  const pick = useCallback((id: string) => setPicked((before) => (before?.id === id ? before : { id, image: 0 })), []);
  const generation = picked && items.find(({ id }) => id === picked.id);
  const looked: Looked | null = generation
    ? { generation, image: picked.image, model: models.find(({ name }) => name === generation.modelName) }
    : null;
  return {
    picked: looked && picked,
    looked,
    held,
    refocus,
    pick,
    showImage: (image: number) => setPicked((before) => before && { ...before, image }),
    hold: () => setHeld(looked),
    release: () => setHeld(null),
    close: () => {
      setHeld(null);
      setPicked(null);
    },
    /** Focus goes to the one that takes its place. */
    remove: (id: string) => {
      const place = items.findIndex((one) => one.id === id);
      const next = items[place + 1] ?? items[place - 1];
      removals.remove(id);
      setPicked(next ? { id: next.id, image: 0 } : null);
      setHeld((before) => (before?.generation.id === id ? null : before));
      setRefocus((times) => times + 1);
    },
  };
}

/** What waits to be deleted is deleted when the room or the page is left; until then Control+Z takes it back. */
function useLeaving(): void {
  useEffect(() => {
    const send = () => removals.send();
    const undo = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLInputElement;
      if (event.key === 'z' && (event.ctrlKey || event.metaKey) && !isTyping) removals.undo();
    };
    addEventListener('pagehide', send);
    addEventListener('keydown', undo);
    return () => {
      removeEventListener('pagehide', send);
      removeEventListener('keydown', undo);
      send();
    };
  }, []);
}

function Side({ picking, favourites }: { readonly picking: Picking; readonly favourites: readonly string[] }) {
  const { looked, held } = picking;
  if (!looked && !held) {
    return (
      <aside className="gallery-side empty">
        <p>Pick a picture to see what made it. Arrows move, Enter opens, Delete deletes, F marks a favourite.</p>
      </aside>
    );
  }
  const isOther = looked !== null && held !== null && looked.generation.id !== held.generation.id;
  return (
    <aside className="gallery-side" aria-label="The picture that is picked">
      <div className="gallery-head">
        {held ? <h2>Side by side</h2> : looked && <Title looked={looked} />}
        <button type="button" className="gallery-close" aria-label="Close" onClick={picking.close}>
          ×
        </button>
      </div>
      {held ? (
        <Pair held={held} other={isOther ? looked : null} onEnd={picking.release} />
      ) : (
        looked && (
          <Details
            looked={looked}
            isFavourite={favourites.includes(looked.generation.id)}
            onImage={picking.showImage}
            onFavourite={() => toggleFavourite(looked.generation.id)}
            onRemove={() => picking.remove(looked.generation.id)}
            onHold={picking.hold}
          />
        )
      )}
    </aside>
  );
}

interface NotesProps {
  readonly listed: Listed;
  readonly refused: readonly string[];
  onNewer(): void;
}

/** What the person should know before looking at the list. */
function Notes({ listed: { newer, missing }, refused, onNewer }: NotesProps) {
  const these = missing.length === 1 ? '1 favourite is' : `${missing.length} favourites are`;
  return (
    <>
      {refused.map((sentence) => (
        <p key={sentence} className="gallery-note" role="alert">
          {sentence}
        </p>
      ))}
      {missing.length > 0 && (
        <p className="gallery-note">
          {these} not on this server, or not there for this key.{' '}
          <button type="button" onClick={() => forgetFavourites(missing)}>
            Forget {missing.length === 1 ? 'it' : 'them'}
          </button>
        </p>
      )}
      {newer.length > 0 && (
        <button
          type="button"
          className="gallery-newer"
          onClick={() => {
            onNewer();
            scrollTo({ top: 0 });
          }}
        >
          Show {newer.length === 1 ? '1 newer' : `${newer.length} newer`}
        </button>
      )}
    </>
  );
}

interface EndProps {
  readonly listed: Listed;
  readonly isEmpty: boolean;
  readonly isFiltered: boolean;
  onAgain(): void;
}

/** What stands beneath the last picture. */
function End({ listed: { isLoading, hasMore, error }, isEmpty, isFiltered, onAgain }: EndProps) {
  if (error !== null) return <ErrorNote message={error} retry={onAgain} />;
  if (isLoading) return <p className="gallery-end">Loading…</p>;
  if (hasMore) return null;
  if (!isEmpty) return <p className="gallery-end">That is all.</p>;
  return (
    <p className="gallery-end">
      {isFiltered ? 'No picture is like that. ' : 'Nothing has been made here yet. '}
      {isFiltered ? <Link href={filterAddress(everything)}>Show all</Link> : <Link href="/">Create pictures</Link>}
    </p>
  );
}
