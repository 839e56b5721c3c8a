import { integer, integers, text } from '@tessera/command-line';
import { MOST_SAMPLES } from './generate-set.ts';

/** Options of every command that measures images of a model. */
export const measuringOptions = {
  against: text({
    value: 'WHAT',
    help: 'what to compare with: a recipe, a folder of pictures, or an npz file of images or statistics (default: recipes/MODEL.json)',
  }),
  network: text({ value: 'NAME', help: 'feature network that measures (default: the judge of the recipe)' }),
  samples: integer({
    value: 'N',
    from: 10,
    to: MOST_SAMPLES,
    otherwise: 1000,
    help: 'how many images of a model are generated in each set',
  }),
  seeds: integers({
    value: 'S,S,...',
    from: 1,
    to: 10_000,
    help: 'a set of images for each of these; three or more give good intervals (default: 1)',
  }),
  size: integer({ value: 'N', from: 1, to: 8192, help: 'scale the pictures of folders to N x N pixels' }),
} as const;
