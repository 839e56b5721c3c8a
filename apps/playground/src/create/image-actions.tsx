import { lazy, Suspense, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Generation, GenerationInput, Model } from '../api/operations.ts';
import { editAddress } from '../mask/edit-address.ts';
import { ErrorBoundary } from '../error-boundary.tsx';
import { isBusy, type GenerationState } from '../runs/generation-state.ts';
import { imageName } from '../runs/sentences.ts';
import { writeRecipe } from '../settings/recipe.ts';
import { settingsOf, toInput } from '../settings/settings.ts';
import { writeView, type View } from './place-address.ts';

const CopyAsPanel = lazy(() =>
  import('../copy-as/copy-as-panel.tsx').then(({ CopyAsPanel }) => ({ default: CopyAsPanel })),
);

const EditedFrom = lazy(() => import('../edit/edited-from.tsx').then(({ EditedFrom }) => ({ default: EditedFrom })));

type Edit = NonNullable<Generation['edit']>;

interface ImageActionsProps {
  readonly state: GenerationState;
  readonly model: Model;
  readonly models: readonly Model[];
  readonly view: View;
  /** Goes to how the image came about. */
  onAnatomy(): void;
  onFork(): void;
}

/** What can be done with the image shown. */
export function ImageActions({ state, model, models, view, onAnatomy, onFork }: ImageActionsProps) {
  const { id, asked, images } = state;
  const edit = asked?.edit ?? null;
  const [said, setSaid] = useState<string | null>(null);
  const [showsCode, setShowsCode] = useState(false);
  if (id === null || asked === null) return null;
  const isEnded = !isBusy(state);
  const made = { ...settingsOf(asked, model), isLocked: true };
  // Another server does not know the result: the link carries what makes the same one there.
  const place = writeView(view, state);
  // Of an edit its settings alone would make something else.
  const recipe = edit === null ? `${place === '' ? '?' : '&'}${writeRecipe(made, models)}` : '';
  const link = `${location.origin}/g/${id}${place}${recipe}`;
  const save = (how: (saver: typeof import('../save/save.ts')) => Promise<void>) => {
    setSaid(null);
    import('../save/save.ts').then(how).catch(({ message }: Error) => setSaid(`Nothing was saved: ${message}`));
  };
  const one = { id, image: view.image };
  const alone = { ...made, label: state.labels[view.image]!, seed: asked.images[view.image]!.seed, count: 1 };
  const name = imageName(state, model, view.image);
  return (
    <div className="caption">
      <strong>{name}</strong>
      <Later isReady={state.steps.length > 0} isEnded={isEnded}>
        <button type="button" className="link to-anatomy" onClick={onAnatomy}>
          <span>
            How it came about <span aria-hidden="true">↓</span>
          </span>
        </button>
      </Later>
      {edit === null ? (
        <button type="button" className="link" onClick={onFork}>
          Change settings
        </button>
      ) : (
        <Link className="link" href={editAddress(id)} title="In the Edit room, with the picture and what is marked">
          Change settings
        </Link>
      )}
      <Later isReady={images.length > 0} isEnded={isEnded}>
        <Link className="link" href={`/edit/${id}?image=${view.image}`}>
          Edit
        </Link>
        {edit === null && (
          <Link className="link" href={`/compare?${writeRecipe(alone, models)}`}>
            Compare
          </Link>
        )}
        <Action does="Save" onPress={() => save(({ savePicture }) => savePicture(one))} />
        {asked.images.length > 1 && (
          <Action
            does="Save all"
            onPress={() => save(({ saveAll }) => saveAll(images.map((_, image) => ({ id, image }))))}
          />
        )}
        <Action does="Save its steps" onPress={() => save(({ saveAnimation }) => saveAnimation(one))} />
      </Later>
      <CopyLink key={link} link={link} />
      <button type="button" className="link" aria-expanded={showsCode} onClick={() => setShowsCode(!showsCode)}>
        <span>
          Show as code <span aria-hidden="true">{showsCode ? '▴' : '▾'}</span>
        </span>
      </button>
      {edit !== null && (
        <ErrorBoundary instead={<p>The picture before could not be loaded: the server does not answer.</p>}>
          <Suspense fallback={<div className="edited-from" style={{ minHeight: 112 }} />}>
            <EditedFrom edit={edit} model={model} />
          </Suspense>
        </ErrorBoundary>
      )}
      <p role="status" className="said">
        {said}
      </p>
      {showsCode && (
        <ErrorBoundary instead={<p>The code could not be loaded: the server does not answer.</p>}>
          <Suspense fallback={null}>
            <CopyAsPanel input={{ ...toInput(made, models), ...(edit && { edit: editInput(edit) }) }} />
          </Suspense>
        </ErrorBoundary>
      )}
    </div>
  );
}

/** The same part of the same picture. */
function editInput({ image, mask, inside, outside, place }: Edit): NonNullable<GenerationInput['edit']> {
  const region = mask ? { mask: mask.id } : inside ? { inside } : outside ? { outside } : place ? { place } : null;
  return { image: image.id, ...(region && { region }) };
}

interface LaterProps {
  readonly isReady: boolean;
  /** What is not ready by then never will be. */
  readonly isEnded: boolean;
  readonly children: ReactNode;
}

/** Its room is kept from the beginning, so that nothing below it moves when it can be used. */
function Later({ isReady, isEnded, children }: LaterProps) {
  if (isEnded && !isReady) return null;
  return (
    <div className="later" data-ready={isReady}>
      {children}
    </div>
  );
}

function Action({ does, onPress }: { readonly does: string; onPress(): void }) {
  return (
    <button type="button" className="link" onClick={onPress}>
      {does}
    </button>
  );
}

function CopyLink({ link }: { readonly link: string }) {
  const [said, setSaid] = useState<'copied' | 'refused' | null>(null);
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
      <Action does={said === 'copied' ? 'Link copied' : 'Copy link'} onPress={copy} />
      {said === 'refused' && (
        <input
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
