import { useState } from 'react';
import { Link } from 'wouter';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { useLeftSteps } from '../pictures/left-picture.ts';
import { partAfter, wholePicture } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { saveAll, saveAnimation, savePicture } from '../save/save.ts';
import { repeatAddress } from '../save/recipe.ts';
import { stateNames } from './filter.ts';
import { dayOf } from './rows.ts';
import { settingsOf, subjectOf, timeOf } from './wording.ts';

export interface Looked {
  readonly generation: StoredGeneration;
  readonly model: Model | undefined;
  /** Which of its pictures, from 0. */
  readonly image: number;
}

interface DetailsProps {
  readonly looked: Looked;
  readonly isFavourite: boolean;
  onImage(image: number): void;
  onFavourite(): void;
  onRemove(): void;
  /** To look at it beside another one. */
  onHold(): void;
}

/** The picture that is picked, what made it, and what can be done with it. */
export function Details({ looked, isFavourite, onImage, onFavourite, onRemove, onHold }: DetailsProps) {
  const { generation, image } = looked;
  const { id, images, failure, edit } = generation;
  const isFinished = images[image]?.picture != null;
  return (
    <>
      <LargePicture looked={looked} />
      {images.length > 1 && isFinished && <Strip looked={looked} onImage={onImage} />}
      {failure && <p className="gallery-failure">{failure.message}</p>}
      <div className="gallery-actions">
        <Link className="button primary" href={`/g/${id}?image=${image}`}>
          Open
        </Link>
        {isFinished && (
          <Link className="button" href={`/edit/${id}?image=${image}`}>
            Edit
          </Link>
        )}
        <Link className="button" href={repeatAddress(generation)}>
          Use these settings
        </Link>
        <button type="button" aria-pressed={isFavourite} onClick={onFavourite}>
          {isFavourite ? '★ Favourite' : '☆ Favourite'}
        </button>
        {isFinished && (
          <button type="button" onClick={onHold}>
            Compare with another
          </button>
        )}
        <button type="button" className="danger" onClick={onRemove}>
          Delete
        </button>
      </div>
      {edit && (
        <p className="hint">The settings do not hold the picture that was edited: Edit goes on from this one.</p>
      )}
      {isFinished && <SaveButtons key={id} looked={looked} />}
      <Settings all={[looked]} />
    </>
  );
}

export function LargePicture({ looked }: { readonly looked: Looked }) {
  const { generation, image, model } = looked;
  const picture = generation.images[image]?.picture;
  const left = partAfter(useLeftSteps(generation), image);
  if (!picture && !left) return <div className="gallery-none">{stateNames[generation.state]}</div>;
  const { seed } = generation.images[image]!;
  const ended = picture ? '' : `, ${stateNames[generation.state].toLowerCase()} before it was finished`;
  return (
    <StepPicture
      part={picture ? wholePicture(picture.url) : left}
      name={`Picture of ${subjectOf({ images: [generation.images[image]!] }, model)}, seed ${seed}${ended}`}
      width={picture?.width ?? model?.image.width ?? 32}
      height={picture?.height ?? model?.image.height ?? 32}
    />
  );
}

export function Title({ looked }: { readonly looked: Looked }) {
  const { generation, image, model } = looked;
  const at = new Date(generation.createdAt);
  return (
    <header className="gallery-title">
      <h2>{subjectOf({ images: [generation.images[image]!] }, model)}</h2>
      <p>
        {dayOf(at, new Date())}, {timeOf(generation.createdAt)}
        {generation.edit && ' · edited'}
        {generation.images.length > 1 && ` · picture ${image + 1} of ${generation.images.length}`}
      </p>
    </header>
  );
}

function Strip({ looked, onImage }: { readonly looked: Looked; onImage(image: number): void }) {
  const { generation, image: shown, model } = looked;
  return (
    <div className="gallery-strip" role="group" aria-label="Pictures of this generation">
      {generation.images.map(({ picture, seed }, image) => (
        <button
          key={image}
          type="button"
          aria-pressed={image === shown}
          aria-label={`Picture ${image + 1}: ${subjectOf({ images: [generation.images[image]!] }, model)}, seed ${seed}`}
          onClick={() => onImage(image)}
        >
          {picture && <img src={picture.url} alt="" width={32} height={32} loading="lazy" decoding="async" />}
        </button>
      ))}
    </div>
  );
}

function SaveButtons({ looked: { generation, image } }: { readonly looked: Looked }) {
  const { id, images } = generation;
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const save = (what: string, made: () => Promise<void>) => () => {
    setBusy(what);
    setError(null);
    made()
      .catch(({ message }: Error) => setError(message))
      .finally(() => setBusy(null));
  };
  const all = images.map((_, index) => ({ id, image: index }));
  return (
    <div className="gallery-save">
      <h3>Save</h3>
      <div className="gallery-actions">
        <button type="button" disabled={busy !== null} onClick={save('the picture', () => savePicture({ id, image }))}>
          Picture
        </button>
        {images.length > 1 && (
          <button type="button" disabled={busy !== null} onClick={save('all', () => saveAll(all, `tessera-${id}`))}>
            All {images.length}
          </button>
        )}
        <button type="button" disabled={busy !== null} onClick={save('the steps', () => saveAnimation({ id, image }))}>
          Steps as GIF
        </button>
      </div>
      <p className="hint" role="status">
        {busy
          ? `Saving ${busy}…`
          : (error ?? 'A saved picture has its settings in it: drop it on this page to get them back.')}
      </p>
    </div>
  );
}

/** A picture that was given is shown, not its text. */
function Value({ text }: { readonly text: string }) {
  return text.startsWith('data:image/') ? <img src={text} alt="The picture that was given" height={64} /> : text;
}

/** One column for each; where they differ is marked. */
export function Settings({ all }: { readonly all: readonly Looked[] }) {
  const columns = all.map(({ generation, image, model }) => settingsOf(generation, image, model));
  const names = [...new Set(columns.flatMap((settings) => settings.map(({ name }) => name)))];
  const valueIn = (column: number, name: string) => columns[column]!.find((one) => one.name === name)?.value ?? '–';
  return (
    <table className="gallery-settings">
      <caption className="unseen">{all.length > 1 ? 'Settings; where they differ is marked' : 'Settings'}</caption>
      <tbody>
        {names.map((name) => {
          const values = columns.map((_, column) => valueIn(column, name));
          const differs = values.some((value) => value !== values[0]);
          return (
            <tr key={name} className={differs ? 'differs' : undefined}>
              <th scope="row">
                {name}
                {differs && <span className="unseen"> (differs)</span>}
              </th>
              {values.map((value, column) => (
                <td key={column}>
                  <Value text={value} />
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
