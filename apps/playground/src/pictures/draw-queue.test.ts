import { expect, it } from 'vitest';
import { DrawQueue } from './draw-queue.ts';

/** A clock that the test moves on; each drawing takes 4 ms. */
function queueOf() {
  let now = 0;
  let frame: (() => void) | null = null;
  const drawn: string[] = [];
  const queue = new DrawQueue({ now: () => now, onFrame: (call) => void (frame = call) });
  const draw = (name: string) =>
    queue.draw(() => {
      now += 4;
      drawn.push(name);
    });
  const nextFrame = () => {
    const call = frame;
    frame = null;
    call?.();
    return drawn.join('');
  };
  return { draw, drawn: () => drawn.join(''), nextFrame, isIdle: () => frame === null };
}

it('draws one at once, and many over several frames, in their order', () => {
  const { draw, drawn, nextFrame, isIdle } = queueOf();
  draw('a');
  expect(drawn()).toBe('a');
  for (const name of 'bcdef') draw(name);
  expect(drawn()).toBe('ab');
  expect([nextFrame(), nextFrame()]).toEqual(['abcd', 'abcdef']);
  nextFrame();
  nextFrame();
  expect(isIdle()).toBe(true);
  draw('g');
  expect(drawn()).toBe('abcdefg');
});

it('does not draw what is not wanted any more', () => {
  const { draw, nextFrame } = queueOf();
  draw('a');
  draw('b');
  const forget = draw('c');
  draw('d');
  forget();
  expect(nextFrame()).toBe('abd');
});
