import { Details, Title } from './details.tsx';
import { toggleFavourites } from './favourites.ts';
import { Pair } from './pair.tsx';
import { Several } from './several.tsx';
import type { Picking } from './use-picking.ts';

/** What is picked, and what can be done with it. */
export function Side({ picking, favourites }: { readonly picking: Picking; readonly favourites: readonly string[] }) {
  const { looked, held, choice } = picking;
  if (choice.isChoosing) return <Several picking={picking} favourites={favourites} />;
  if (!looked && !held) {
    return (
      <aside className="gallery-side empty">
        <p>
          Pick a picture to see what made it. Arrows move, Enter opens, Delete deletes, F marks a favourite, Space
          chooses several.
        </p>
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
            onFavourite={() => toggleFavourites([looked.generation.id])}
            onRemove={() => picking.remove([looked.generation.id])}
            onHold={picking.hold}
          />
        )
      )}
    </aside>
  );
}
