import { useEffect, useMemo, useRef, useState, type DragEvent } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import type { Model } from '../api/operations.ts';
import { loadModels } from '../api/models.ts';
import { useModels } from '../api/use-models.ts';
import { saidOf } from '../runs/explain.ts';
import { ErrorNote } from '../error-note.tsx';
import { openAgain } from './again.ts';
import { imageAsked, keyOf, loadMade, openOwn, OWN, type Base } from './base.ts';
import { emptyDraft, forgetOldDrafts, readDraft, type Draft } from './draft.ts';
import { handFile, takeFile } from '../save/handed-file.ts';
import { readDropped } from '../save/dropped.ts';
import { Editor } from './editor.tsx';
import { PicturePicker } from './picture-picker.tsx';
import './edit.css';

/** `/edit/ID?image=N` edits an image of a generation, `/edit` the person's own picture. */
export function EditRoom() {
  const { models, error } = useModels();
  if (error) return <ErrorNote message={error} retry={loadModels} />;
  if (!models) return <p className="loading">Loading the models…</p>;
  if (models.length === 0) {
    return <ErrorNote message="No model is installed. Put a model folder into models/ and start the server again." />;
  }
  return <Opened models={models} />;
}

interface Open {
  readonly base: Base;
  readonly draft: Draft;
  /** What could not be had, where something else is shown. */
  readonly told: string | null;
}

type Opening = { readonly error: string } | Open | 'loading' | 'none';

function Opened({ models }: { readonly models: readonly Model[] }) {
  const { id } = useParams<{ id?: string }>();
  const search = useSearch();
  const asked = imageAsked(search);
  const again = new URLSearchParams(search).get('again');
  const [, navigate] = useLocation();
  const image = typeof asked === 'number' ? asked : 0;
  const [opening, setOpening] = useState<Opening>('loading');
  useEffect(() => {
    let isWanted = true;
    const tell = (next: Opening) => isWanted && setOpening(next);
    tell('loading');
    open({ id, image, again, models }).then(tell, (error: Error) => tell({ error: saidOf(error) }));
    return () => void (isWanted = false);
  }, [id, image, again]);
  const leave = () => {
    if (id !== undefined || again !== null) navigate('/edit');
  };
  const fail = (error: Error) => setOpening({ error: saidOf(error) });
  const openFile = (file: Blob) => {
    openOwn(file).then((base) => {
      setOpening({ base, draft: emptyDraft, told: null });
      leave();
    }, fail);
  };
  const drop = useIncoming((file) => {
    readDropped(file).then((dropped) => {
      if (dropped.kind !== 'recipe' || !dropped.recipe.edit) return openFile(file);
      const { recipe, address } = dropped;
      handFile({ file, recipe });
      if (again !== recipe.generation) navigate(address);
      else openAgain(again, models, takeFile()).then(setOpening, fail);
    }, fail);
  });
  // What was opened again begins where its draft does.
  const count = useRef(0);
  const turn = useMemo(() => ({ opening, key: ++count.current }), [opening]).key;
  const another = () => {
    setOpening('none');
    leave();
  };
  return (
    <div {...drop.handlers} data-dropping={drop.isOver}>
      {opening === 'loading' ? (
        <p className="loading">Opening the picture…</p>
      ) : typeof opening === 'object' && 'base' in opening ? (
        <Editor
          key={turn}
          {...opening}
          models={models}
          told={typeof asked === 'number' ? opening.told : asked.refused}
          onAnother={another}
        />
      ) : (
        <PicturePicker models={models} error={opening === 'none' ? null : opening.error} onFile={openFile} />
      )}
    </div>
  );
}

interface Asked {
  readonly id: string | undefined;
  readonly image: number;
  /** An edit to go on with. */
  readonly again: string | null;
  readonly models: readonly Model[];
}

async function open({ id, image, again, models }: Asked): Promise<Opening> {
  void forgetOldDrafts();
  if (id !== undefined) return openMade(id, image);
  const handed = takeFile();
  if (again !== null) return openAgain(again, models, handed);
  if (handed) return { base: await openOwn(handed.file), draft: emptyDraft, told: null };
  const draft = await readDraft(OWN);
  return draft?.blob ? { base: await openOwn(draft.blob), draft, told: null } : 'none';
}

/** An image that the server no longer has may be edited as long as this browser has it. */
async function openMade(id: string, image: number): Promise<Open> {
  const draft = await readDraft(keyOf(id, image));
  try {
    return { base: await loadMade(id, image), draft: draft ?? emptyDraft, told: null };
  } catch (error) {
    if (!draft?.blob) throw error;
    const told = `${saidOf(error as Error)} This browser has kept the picture, so you can go on.`;
    return { base: await openOwn(draft.blob, keyOf(id, image)), draft, told };
  }
}

/** Pictures that are dropped on the room or pasted. */
function useIncoming(onFile: (file: File) => void) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const paste = ({ clipboardData }: ClipboardEvent) => {
      const [file] = clipboardData?.files ?? [];
      if (file) onFile(file);
    };
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  });
  const handlers = {
    onDragOver: (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      event.stopPropagation();
      setOver(false);
      const [file] = event.dataTransfer.files;
      if (file) onFile(file);
    },
  };
  return { isOver, handlers };
}
