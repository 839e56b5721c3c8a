import { resolve } from 'node:path';
import type { DataRecipe } from '../recipe/recipe.ts';
import type { DataSet } from './data-set.ts';
import { openIdx } from './idx-data.ts';
import { openImageFolder } from './image-folder.ts';
import { openMnist } from './mnist.ts';

/** Opens the data of a recipe; relative paths start at `folder`. */
export function openData(data: DataRecipe, { folder, seed }: { folder: string; seed: number }): Promise<DataSet> {
  const at = (path: string): string => resolve(folder, path);
  switch (data.kind) {
    case 'mnist':
      return openMnist({ ...data, seed });
    case 'idx': {
      const { train, test, size, validation, classes, limit } = data;
      const pair = (files: typeof train) => ({ images: at(files.images), labels: at(files.labels) });
      const named = classes.length > 0 ? { classes } : {};
      return openIdx({
        name: at(train.images),
        train: pair(train),
        test: pair(test),
        size,
        validation,
        limit,
        seed,
        ...named,
      });
    }
    case 'folder':
      return openImageFolder({ ...data, path: at(data.path), channels: data.channels === 1 ? 1 : 3, seed });
  }
}
