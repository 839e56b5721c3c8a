import { useState } from 'react';
import { saveAll } from '../save/save.ts';
import { toggleFavourites } from './favourites.ts';
import type { Picking } from './use-picking.ts';

interface SeveralProps {
  readonly picking: Picking;
  readonly favourites: readonly string[];
}

/** What can be done with several at once. On a phone it is low, so that the pictures can be tapped. */
export function Several({ picking: { choice, compareChosen, chooseNoMore, remove }, favourites }: SeveralProps) {
  const { items, all } = choice;
  const ids = items.map(({ id }) => id);
  const isFavourite = ids.length > 0 && ids.every((id) => favourites.includes(id));
  const saving = useSaving();
  const pictures = items.flatMap(({ id, images }) =>
    images.flatMap(({ picture }, image) => (picture ? { id, image } : [])),
  );
  return (
    <aside className="gallery-side several" aria-label="What is chosen">
      <div className="gallery-head">
        <div role="status">
          <h2>{items.length === 0 ? 'None is chosen' : `${items.length} chosen`}</h2>
        </div>
        <button type="button" className="gallery-close" aria-label="Choose no more" onClick={chooseNoMore}>
          ×
        </button>
      </div>
      <div className="gallery-actions">
        {items.length === 2 && items.every(({ images }) => images[0]?.picture) && (
          <button type="button" className="primary" onClick={compareChosen}>
            Compare both
          </button>
        )}
        {pictures.length > 0 && (
          <button type="button" disabled={saving.isBusy} onClick={() => saving.save(pictures)}>
            Save {pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`}
          </button>
        )}
        {items.length > 0 && (
          <button type="button" aria-pressed={isFavourite} onClick={() => toggleFavourites(ids)}>
            {isFavourite ? '★ Favourites' : '☆ Favourites'}
          </button>
        )}
        <button type="button" onClick={all}>
          Choose all
        </button>
        {items.length > 0 && (
          <button type="button" className="danger" onClick={() => remove(ids)}>
            Delete {items.length}
          </button>
        )}
      </div>
      <p className="hint" role="status">
        {saving.said ?? 'Shift chooses all up to a picture; all are those that are loaded.'}
      </p>
    </aside>
  );
}

interface Saved {
  readonly id: string;
  readonly image: number;
}

/** As one zip file. */
function useSaving() {
  const [said, setSaid] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const save = (pictures: readonly Saved[]) => {
    setIsBusy(true);
    setSaid(`Saving ${pictures.length} pictures…`);
    saveAll(pictures, 'tessera-gallery')
      .then(
        () => setSaid(null),
        ({ message }: Error) => setSaid(`Nothing was saved: ${message}`),
      )
      .finally(() => setIsBusy(false));
  };
  return { said, isBusy, save };
}
