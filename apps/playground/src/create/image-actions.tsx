import { useRef, useState } from 'react';
import type { Model } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import { imageName } from '../runs/sentences.ts';
import { writeRecipe } from '../settings/recipe.ts';
import { settingsOf } from '../settings/settings.ts';
import { writeView, type View } from './place-address.ts';

interface ImageActionsProps {
  readonly state: GenerationState;
  readonly model: Model;
  readonly models: readonly Model[];
  readonly view: View;
  onFork(): void;
}

/** What can be done with the image shown. */
export function ImageActions({ state, model, models, view, onFork }: ImageActionsProps) {
  const { id, asked, images } = state;
  const final = images[view.image];
  const name = imageName(state, model, view.image);
  if (id === null || asked === null) return null;
  // Another server does not know the result: the link carries what makes the same one there.
  const recipe = writeRecipe({ ...settingsOf(asked, model), isLocked: true }, models);
  const place = writeView(view, state);
  const link = `${location.origin}/g/${id}${place === '' ? '?' : `${place}&`}${recipe}`;
  return (
    <span className="image-actions">
      {final && (
        <a href={final} download={`${model.name}-${name.replaceAll(/[^\p{L}\d]+/gu, '-')}.png`}>
          Save<span className="unseen"> {name}</span>
        </a>
      )}
      <button type="button" className="link" onClick={onFork}>
        Change settings
      </button>
      <CopyLink link={link} />
    </span>
  );
}

function CopyLink({ link }: { readonly link: string }) {
  const [said, setSaid] = useState<'copied' | 'refused' | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const copy = () => {
    // Pages that are not served safely have no clipboard.
    const written = navigator.clipboard?.writeText(link) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => setSaid('copied'),
      () => setSaid('refused'),
    );
  };
  return (
    <>
      <button type="button" className="link" onClick={copy}>
        Copy link
      </button>
      <span role="status">{said === 'copied' && 'Copied'}</span>
      {said === 'refused' && (
        <input
          ref={field}
          type="text"
          readOnly
          autoFocus
          value={link}
          aria-label="The link, to be copied"
          onFocus={({ target }) => target.select()}
        />
      )}
    </>
  );
}
