import { Worker } from 'node:worker_threads';

/** The file descriptor of the models' process on which it beats. */
export const heartFile = 4;

const beating = `
  const { writeSync } = require('node:fs');
  const beat = () => {
    try { writeSync(${heartFile}, '.'); } catch {}
  };
  beat();
  setInterval(beat, 1000);`;

/** Beats in a thread of its own, once a second: whatever the models' thread does, only a stopped process falls silent. */
export function startHeart(): void {
  new Worker(beating, { eval: true, execArgv: [], stdout: false }).unref();
}
