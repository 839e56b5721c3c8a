import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useModels } from '../api/use-models.ts';
import { ErrorNote } from '../error-note.tsx';
import { forgetFavourites, toggleFavourites, useFavourites } from './favourites.ts';
import { everything, filterAddress, readFilter, wantedOf, type Filter } from './filter.ts';
import { Filters } from './filters.tsx';
import type { Listed } from './generation-list.ts';
import { Grid } from './grid.tsx';
import { RemovalStore } from './removals.ts';
import { Side } from './side.tsx';
import { UndoBar } from './undo-bar.tsx';
import { listOf, useList } from './use-list.ts';
import { usePicking } from './use-picking.ts';
import './details.css';
import './gallery.css';

const removals = new RemovalStore();

/** All generations of the server, or of its key. */
export function GalleryRoom() {
  const search = useSearch();
  const [, navigate] = useLocation();
  const { filter, refused } = useMemo(() => readFilter(search), [search]);
  const favourites = useFavourites();
  const { models, list, listed, notes } = useFound(filter, favourites);
  const removed = useSyncExternalStore(removals.onChange, removals.state);
  const items = useMemo(() => listed.items.filter(({ id }) => !removed.hidden.has(id)), [listed.items, removed.hidden]);
  const picking = usePicking({ items, models, removals });
  const { choice } = picking;
  useLeaving();
  const filterBy = (to: Filter) => {
    choice.end();
    navigate(filterAddress(to), { replace: true });
  };
  const onEnd = useCallback(() => void list.more(), [list]);
  return (
    <main className="gallery" aria-label="Gallery" onKeyDown={({ key }) => key === 'Escape' && choice.end()}>
      <div className="gallery-list">
        <Filters filter={filter} models={models} onChange={filterBy}>
          <button
            type="button"
            aria-pressed={choice.isChoosing}
            onClick={choice.isChoosing ? choice.end : choice.begin}
          >
            Choose several
          </button>
        </Filters>
        <Notes listed={listed} refused={[...refused, ...notes]} onNewer={() => list.showNewer()} />
        <Grid
          items={items}
          models={models}
          favourites={favourites}
          picked={picking.picked?.id ?? null}
          refocus={picking.refocus}
          choice={choice}
          onPick={picking.pick}
          onOpen={(id) => navigate(`/g/${id}?image=0`)}
          onRemove={picking.remove}
          onFavourite={toggleFavourites}
          onEnd={onEnd}
        />
        <End listed={listed} isEmpty={items.length === 0} filter={filter} onAgain={onEnd} />
      </div>
      <Side picking={picking} favourites={favourites} />
      <UndoBar removed={removed} onUndo={() => removals.undo()} />
    </main>
  );
}

/** The list of a filter. Its words are looked up in the names of classes, which the models bring. */
function useFound(filter: Filter, favourites: readonly string[]) {
  const { models, error } = useModels();
  const { wanted, note } = useMemo(() => wantedOf(filter, models ?? []), [filter, models]);
  // Favourites that are marked meanwhile do not begin the list again.
  const list = useMemo(() => listOf(wanted, favourites), [filterAddress(filter), JSON.stringify(wanted.classes)]);
  const listed = useList(list);
  const isWaiting = filter.words !== null && models === null;
  const unsearched = isWaiting && error !== null ? `Names of classes cannot be searched: ${error}` : null;
  return {
    models: models ?? [],
    list,
    listed: isWaiting && error === null ? { ...listed, isLoading: true } : listed,
    notes: [note, unsearched].filter((one) => one !== null),
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
  readonly filter: Filter;
  onAgain(): void;
}

/** What stands beneath the last picture. */
function End({ listed: { isLoading, hasMore, error }, isEmpty, filter, onAgain }: EndProps) {
  if (error !== null) return <ErrorNote message={error} retry={onAgain} />;
  if (isLoading) return <p className="gallery-end">Loading…</p>;
  if (hasMore) return null;
  if (!isEmpty) return <p className="gallery-end">That is all.</p>;
  const isFiltered = filterAddress(filter) !== filterAddress(everything);
  const none = filter.day === null ? 'No picture is like that. ' : `No picture like that was made by ${filter.day}. `;
  return (
    <p className="gallery-end">
      {isFiltered ? none : 'Nothing has been made here yet. '}
      {isFiltered ? <Link href={filterAddress(everything)}>Show all</Link> : <Link href="/">Create pictures</Link>}
    </p>
  );
}
