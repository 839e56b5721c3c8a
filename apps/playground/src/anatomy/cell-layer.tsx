import { useLayoutEffect, useRef, useState } from 'react';
import type { TokenMap } from '../api/operations.ts';
import { drawCells, type CellLook } from './draw-cells.ts';

interface Props {
  readonly map: TokenMap;
  readonly looks: readonly CellLook[];
  readonly hasLines: boolean;
  readonly cursor?: number | null;
}

/** The tokens of a map over a picture; what it shows is told in words elsewhere. */
export function CellLayer({ map, looks, hasLines, cursor = null }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [side, setSide] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const { current } = canvas;
    const measure = () => setSide({ width: current!.clientWidth, height: current!.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const { current } = canvas;
    const dots = window.devicePixelRatio;
    const [width, height] = [Math.round(side.width * dots), Math.round(side.height * dots)];
    if (width === 0 || height === 0) return;
    [current!.width, current!.height] = [width, height];
    drawCells(current!.getContext('2d')!, { width, height, dots }, { map, looks, hasLines, cursor });
  }, [side, map, looks, hasLines, cursor]);
  return <canvas ref={canvas} className="cells" aria-hidden="true" />;
}
