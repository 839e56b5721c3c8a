import { TesseraError } from '@tessera/errors';

/** Names and shapes of a state dict. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** How many numbered modules there are under a path. */
export function countModules(shapes: Shapes, path: string): number {
  const numbers = new Set<string>();
  for (const name of shapes.keys()) {
    const number = name.startsWith(`${path}.`) ? name.slice(path.length + 1).split('.')[0]! : '';
    if (/^\d+$/.test(number)) numbers.add(number);
  }
  return numbers.size;
}

/** The shape of a tensor that a state dict must have. @throws TesseraError state-shape */
export function shapeOf(shapes: Shapes, name: string, { rank, who }: { rank: number; who: string }): readonly number[] {
  const shape = shapes.get(name);
  if (shape?.length === rank) return shape;
  throw new TesseraError({
    code: 'state-shape',
    who,
    got: shape ? `${name} [${shape.join(', ')}]` : `no ${name}`,
    expected: `${name} with ${rank} axes, as in an official state dict`,
    next: 'Check that this is the file you meant.',
  });
}
