/** How a worker takes up and writes; `defaultWorkerOptions` says what is left out. */
export interface WorkerOptions {
  /** Images of one batch, at most. */
  readonly maxBatch: number;
  /** How long a batch that is not full waits for more of its kind before it begins, in milliseconds. */
  readonly maxDelayMs: number;
  /** How long an idle worker waits before it looks at the queue without being told, in milliseconds. */
  readonly pollMs: number;
  /** Pictures and tokens that may wait to be written, in bytes: with more, the batch is stopped until they are. */
  readonly backlogBytes: number;
  /** How long a picture that cannot be stored is tried again before its generation fails, in milliseconds. */
  readonly picturePatience: number;
  /** How long the batch that runs when the worker is told to end may take to finish, in milliseconds. */
  readonly finishMs: number;
  /** How long an ending worker waits until everything is written, in milliseconds: what is left another one makes again. */
  readonly flushMs: number;
  /** Takes a line for the operator. */
  readonly report: (line: string) => void;
}

export const defaultWorkerOptions: WorkerOptions = {
  maxBatch: 64,
  maxDelayMs: 0,
  pollMs: 1000,
  backlogBytes: 256 * 2 ** 20,
  picturePatience: 60_000,
  finishMs: 1000,
  flushMs: 10_000,
  report: console.error,
};
