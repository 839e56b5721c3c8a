import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { Dropped } from './dropped.ts';
import { handFile } from './handed-file.ts';
import './drop-target.css';

type Told = Dropped & { readonly file: File };

/**
 * A PNG that was saved here restores its settings wherever on the page it is dropped. A room that takes files itself
 * calls `preventDefault` in its own `drop`.
 */
export function DropTarget() {
  const [, navigate] = useLocation();
  const [told, setTold] = useState<Told | null>(null);
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      const file = event.dataTransfer?.files[0];
      if (!file || event.defaultPrevented) return;
      event.preventDefault();
      void read(file).then((dropped) => {
        setTold({ ...dropped, file });
        if (dropped.kind !== 'recipe') return;
        const { recipe } = dropped;
        if (recipe.edit) handFile({ file, recipe });
        navigate(dropped.address);
      });
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [navigate]);
  const close = () => setTold(null);
  return (
    <div role="status">
      {told && (
        <div className="dropped">
          <p>{told.message}</p>
          {told.kind === 'picture' && (
            <button
              type="button"
              onClick={() => {
                handFile({ file: told.file, recipe: null });
                close();
                navigate('/edit');
              }}
            >
              Edit this picture
            </button>
          )}
          <button type="button" onClick={close}>
            Close
          </button>
        </div>
      )}
    </div>
  );
}

async function read(file: File): Promise<Dropped> {
  try {
    const { readDropped } = await import('./dropped.ts');
    return await readDropped(file);
  } catch (error) {
    return { kind: 'other', message: `“${file.name}” could not be read: ${(error as Error).message}` };
  }
}
