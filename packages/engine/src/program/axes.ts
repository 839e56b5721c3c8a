import { TesseraError } from '@tessera/errors';

/** The size of an axis as a sum of named sizes: `l`, `2R`, `P+l`. Null for an axis of fixed size. */
type Axis = readonly { readonly times: number; readonly name: string }[] | null;

type Shape = readonly number[];

/** The axes of all tensor arguments of a program. */
export class Axes {
  readonly names: readonly string[];
  readonly #axes: readonly (readonly Axis[])[];
  readonly #source: readonly string[];
  readonly #who: string;

  /** @throws TesseraError `axes-syntax` */
  constructor(source: readonly string[], who: string) {
    this.#source = source;
    this.#who = who;
    this.#axes = source.map((text) =>
      text
        .split(/\s+/)
        .filter(Boolean)
        .map((token) => parseAxis(token, who)),
    );
    this.names = [...new Set(this.#axes.flat(2).flatMap((term) => (term ? [term.name] : [])))];
  }

  /**
   * The size of each name in these shapes.
   * @throws TesseraError `axes-mismatch`
   */
  bind(shapes: readonly Shape[]): ReadonlyMap<string, number> {
    this.#checkRanks(shapes);
    const sizes = new Map<string, number>();
    const places = this.#axes.flatMap((axes, i) => axes.map((axis, j) => ({ axis, size: shapes[i]![j]!, i, j })));
    for (let open = -1; open !== sizes.size;) {
      open = sizes.size;
      for (const { axis, size } of places) solve(axis, size, sizes);
    }
    for (const { axis, size, i, j } of places) {
      if (axis !== null && total(axis, sizes) !== size) throw this.#mismatch(i, `size ${size} of axis ${j}`, sizes);
    }
    return sizes;
  }

  /** The same shapes with other sizes. */
  resize(shapes: readonly Shape[], sizes: ReadonlyMap<string, number>): number[][] {
    return shapes.map((shape, i) => {
      return shape.map((size, j) => {
        const axis = this.#axes[i]![j]!;
        return axis === null ? size : total(axis, sizes);
      });
    });
  }

  #checkRanks(shapes: readonly Shape[]): void {
    if (shapes.length !== this.#axes.length) throw this.#mismatch(null, `${shapes.length} tensors`, new Map());
    const wrong = shapes.findIndex((shape, i) => shape.length !== this.#axes[i]!.length);
    if (wrong >= 0) throw this.#mismatch(wrong, `shape [${shapes[wrong]}]`, new Map());
  }

  #mismatch(index: number | null, got: string, sizes: ReadonlyMap<string, number>): TesseraError {
    const known = [...sizes].map(([name, size]) => `${name}=${size}`).join(', ');
    return new TesseraError({
      code: 'axes-mismatch',
      who: this.#who,
      got: index === null ? got : `${got} in tensor ${index}`,
      expected:
        index === null
          ? `${this.#source.length}, one for each entry of axes`
          : `axes '${this.#source[index]}'${known ? ` with ${known}` : ''}`,
    });
  }
}

function parseAxis(token: string, who: string): Axis {
  if (token === '.') return null;
  return token.split('+').map((term) => {
    const match = /^(\d*)([A-Za-z_]\w*)$/.exec(term);
    if (match) return { times: Number(match[1] || 1), name: match[2]! };
    throw new TesseraError({
      code: 'axes-syntax',
      who,
      got: `the axis '${token}'`,
      expected: "a dot, a name, or a sum like 'P+l' or '2R'",
    });
  });
}

/** Finds the one unknown of an axis, if there is just one. */
function solve(axis: Axis, size: number, sizes: Map<string, number>): void {
  if (axis === null) return;
  const unknown = axis.filter((term) => !sizes.has(term.name));
  if (unknown.length !== 1) return;
  const rest = axis
    .filter((term) => sizes.has(term.name))
    .reduce((sum, term) => sum + term.times * sizes.get(term.name)!, 0);
  sizes.set(unknown[0]!.name, (size - rest) / unknown[0]!.times);
}

function total(axis: NonNullable<Axis>, sizes: ReadonlyMap<string, number>): number {
  return axis.reduce((sum, { times, name }) => sum + times * (sizes.get(name) ?? Number.NaN), 0);
}
