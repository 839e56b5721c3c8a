import { useEffect, useState, type ChangeEvent } from 'react';
import { Link } from 'wouter';
import { fetchGenerations, type Model, type StoredGeneration } from '../api/operations.ts';
import { ErrorNote } from '../error-note.tsx';
import { wholePicture } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { subjectName } from '../runs/sentences.ts';

interface PickerProps {
  readonly models: readonly Model[];
  readonly error: string | null;
  onFile(file: Blob): void;
}

/** How one gets at a picture. */
export function PicturePicker({ models, error, onFile }: PickerProps) {
  const choose = ({ target }: ChangeEvent<HTMLInputElement>) => {
    const [file] = target.files ?? [];
    if (file) onFile(file);
  };
  return (
    <main className="edit-picker">
      {error && <ErrorNote message={error} />}
      <div className="edit-drop">
        <h2>Edit a picture</h2>
        <p>Mark a part of it. The model draws that part again, and every other pixel stays as it is.</p>
        <label className="primary button">
          <input type="file" accept="image/png,image/jpeg,image/webp" className="unseen" onChange={choose} />
          Choose a picture
        </label>
        <p className="hint">Or drop one here, or paste it. PNG, JPEG or WebP.</p>
      </div>
      <Newest models={models} />
    </main>
  );
}

const MOST_NEWEST = 24;

/** Images of the newest generations: the pictures that the models know best. */
function Newest({ models }: { readonly models: readonly Model[] }) {
  const [made, setMade] = useState<readonly StoredGeneration[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = () => {
    setError(null);
    fetchGenerations({ first: 12, filter: { states: ['COMPLETED'] } }).then(
      ({ nodes }) => setMade(nodes),
      ({ message }: Error) => setError(message),
    );
  };
  useEffect(load, []);
  if (error) return <ErrorNote message={error} retry={load} />;
  const images = (made ?? []).flatMap((generation) => imagesOf(generation, models)).slice(0, MOST_NEWEST);
  return (
    <section className="edit-newest" aria-labelledby="edit-newest">
      <h3 id="edit-newest">Or one of the newest images</h3>
      {made?.length === 0 && (
        <p className="hint">
          None has been made yet. <Link href="/">Create images</Link>
        </p>
      )}
      <ul>
        {images.map(({ href, url, name, width, height }) => (
          <li key={href}>
            <Link href={href} aria-label={`Edit ${name}`} title={name}>
              <StepPicture part={wholePicture(url)} name="" {...{ width, height }} />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function imagesOf({ id, modelName, images }: StoredGeneration, models: readonly Model[]) {
  const model = models.find(({ name }) => name === modelName);
  if (!model) return [];
  return images.flatMap(({ picture, condition, seed }, image) => {
    if (!picture) return [];
    const name = `${subjectName({ condition }, model)}, seed ${seed}, ${model.title}`;
    const { width, height } = model.image;
    return { href: `/edit/${id}?image=${image}`, url: picture.url, name, width, height };
  });
}
