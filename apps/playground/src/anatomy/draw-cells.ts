import type { TokenMap } from '../api/operations.ts';

/** How one place on a map is drawn over the picture. */
export interface CellLook {
  /** Over the picture, half transparent. */
  readonly fill: string | null;
  /** Nothing is there yet: the picture is hidden. */
  readonly isHole: boolean;
  /** It was there before: the picture is dimmed. */
  readonly isOld: boolean;
  readonly isNew: boolean;
  /** It was given with the picture. */
  readonly isGiven: boolean;
}

interface Drawing {
  readonly map: TokenMap;
  readonly looks: readonly CellLook[];
  readonly hasLines: boolean;
  readonly cursor: number | null;
}

/** In dots of the screen. */
interface Size {
  readonly width: number;
  readonly height: number;
  /** Dots of a pixel of CSS. */
  readonly dots: number;
}

type Context = CanvasRenderingContext2D;

/* Over any picture, in both themes: light and dark lines beside each other. */
const LIGHT = 'rgb(255 255 255 / 0.55)';
const DARK = 'rgb(0 0 0 / 0.5)';
const HOLE = ['#a9aaa8', '#8b8c8d'] as const;
const OLD = 'rgb(150 151 150 / 0.82)';
const CURSOR = '#2fd6c0';
const FAINT = 'rgb(160 160 160 / 0.4)';
/** In pixels of CSS: smaller cells would be all lines. */
const LEAST_CELL = 5;
const FINE_CELL = 15;
/** In smaller ones a dot would hide the picture. */
const DOTTED_CELL = 14;

/** One canvas for all cells, however many there are. */
export function drawCells(context: Context, size: Size, { map, looks, hasLines, cursor }: Drawing): void {
  const { width, height, dots } = size;
  context.clearRect(0, 0, width, height);
  const edge = (index: number) => {
    const [row, column] = [Math.floor(index / map.width), index % map.width];
    const x = (at: number) => Math.round((at * width) / map.width);
    const y = (at: number) => Math.round((at * height) / map.height);
    return [x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row)] as const;
  };
  const holes = holePattern(context, dots);
  for (const [index, { fill, isHole, isOld }] of looks.entries()) {
    const under = isHole ? holes : isOld ? OLD : fill;
    if (under === null) continue;
    context.globalAlpha = isHole || isOld ? 1 : 0.78;
    context.fillStyle = under;
    context.fillRect(...edge(index));
  }
  context.globalAlpha = 1;
  if (hasLines && width / map.width >= LEAST_CELL * dots) drawLines(context, size, map);
  const isPart = looks.some(({ isNew }) => !isNew);
  if (isPart)
    for (const [index, { isNew }] of looks.entries()) if (isNew) frame(context, edge(index), { dots, colour: '#fff' });
  if (Math.min(width / map.width, height / map.height) >= DOTTED_CELL * dots)
    for (const [index, { isGiven }] of looks.entries()) if (isGiven) dot(context, edge(index), dots);
  if (cursor !== null && cursor < looks.length) frame(context, edge(cursor), { dots: 1.6 * dots, colour: CURSOR });
}

function holePattern(context: Context, dots: number): CanvasPattern {
  const side = Math.round(6 * dots);
  const tile = new OffscreenCanvas(side, side);
  const drawn = tile.getContext('2d')!;
  drawn.fillStyle = HOLE[0];
  drawn.fillRect(0, 0, side, side);
  drawn.strokeStyle = HOLE[1];
  drawn.lineWidth = dots;
  for (const shift of [-side, 0, side]) {
    drawn.moveTo(shift, side);
    drawn.lineTo(shift + side, 0);
  }
  drawn.stroke();
  return context.createPattern(tile, 'repeat')!;
}

function drawLines(context: Context, { width, height, dots }: Size, map: TokenMap): void {
  const line = Math.max(1, Math.round(dots));
  // Between small cells one faint line is enough.
  const isFine = width / map.width < FINE_CELL * dots;
  const lines = isFine
    ? ([[0, FAINT]] as const)
    : ([
        [0, DARK],
        [line, LIGHT],
      ] as const);
  for (const [shift, colour] of lines) {
    context.fillStyle = colour;
    for (let column = 1; column < map.width; column++)
      context.fillRect(Math.round((column * width) / map.width) - line + shift, 0, line, height);
    for (let row = 1; row < map.height; row++)
      context.fillRect(0, Math.round((row * height) / map.height) - line + shift, width, line);
  }
}

/** In the middle, light in dark: small enough to see the picture around it. */
function dot(context: Context, [x, y, width, height]: Edge, dots: number): void {
  const radius = Math.max(1.5 * dots, Math.min(3 * dots, Math.min(width, height) / 8));
  for (const [size, colour] of [
    [radius + dots, 'rgb(0 0 0 / 0.75)'],
    [radius, '#fff'],
  ] as const) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x + width / 2, y + height / 2, size, 0, 2 * Math.PI);
    context.fill();
  }
}

type Edge = readonly [x: number, y: number, width: number, height: number];

function frame(
  context: Context,
  [x, y, width, height]: Edge,
  { dots, colour }: { dots: number; colour: string },
): void {
  for (const [line, style] of [
    [4 * dots, 'rgb(0 0 0 / 0.75)'],
    [2 * dots, colour],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.strokeRect(x + dots, y + dots, width - 2 * dots, height - 2 * dots);
  }
}
