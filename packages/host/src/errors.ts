import { TesseraError } from '@tessera/errors';
import { builtInPlugins, type ModelOutline } from '@tessera/models';
import type { Hang, WatchLimits } from './watchdog.ts';

/** Error `model-process-died`, of a child that ended by itself; `running` is the model that it ran. */
export function died(how: string, running: ModelOutline | null): TesseraError {
  const busy = running !== null;
  return new TesseraError({
    code: 'model-process-died',
    who: 'host',
    got: `a model process that ended ${how} ${busy ? `during a generation of ${running.manifest.name}` : 'while nothing ran'}`,
    expected: 'it to stay',
    next: `It is being started again.${busy ? ` Memory may have run out: fewer images in a request need less.${byOthers(running)}` : ''}`,
  });
}

/** Error `host-disposed`. */
export function disposed(): TesseraError {
  return new TesseraError({
    code: 'host-disposed',
    who: 'host',
    got: 'the end of the server during this generation',
    expected: 'it to finish',
    next: 'Send the request again when the server is back: the same seed gives the same images.',
  });
}

/** Error `part-deaf`, of a model that goes on after its cancel; it names the parts of third parties. */
export function ignoresCancel(outline: ModelOutline, grace: number): TesseraError {
  return new TesseraError({
    code: 'part-deaf',
    who: outline.manifest.name,
    got: `no answer to a cancel for ${grace / 1000} s`,
    expected: 'an end within one step',
    next: `The model process is being started again.${byOthers(outline)}`,
  });
}

/** Error `part-hangs`, of a models' process that has stopped working; `running` is the model that it ran. */
export function hangs(why: Hang, { beat, step }: WatchLimits, running: ModelOutline | null): TesseraError {
  const got =
    why === 'beat'
      ? `no beat of the model process for ${beat / 1000} s: it is stopped`
      : `no end of a step for ${step / 1000} s: a part computes endlessly, or waits for something that never comes`;
  const busy = running !== null;
  return new TesseraError({
    code: 'part-hangs',
    who: busy ? running.manifest.name : 'host',
    got,
    expected:
      why === 'beat' ? 'one every second' : 'steps that end within that time (TESSERA_STEP_LIMIT sets it, in seconds)',
    next: `The model process is being started again.${busy && why === 'step' ? byOthers(running) : ''}`,
  });
}

/** One sentence on a process that may soon be ended, for health pages. */
export function mayHang(why: Hang, { beat, step }: WatchLimits): string {
  return why === 'beat'
    ? `The model process has been silent for ${beat / 2000} s or more, and is ended after ${beat / 1000} s.`
    : `No step has ended for ${step / 2000} s or more; the model process is ended after ${step / 1000} s.`;
}

/** The model's parts that are not Tessera's, as a sentence; empty where all are. */
function byOthers({ parts }: ModelOutline): string {
  const own: readonly object[] = Object.values(builtInPlugins).flat();
  const foreign = Object.values(parts).flatMap(({ plugin }) => (own.includes(plugin) ? [] : [plugin.name]));
  return foreign.length > 0 ? ` Its parts by others: ${foreign.join(', ')}.` : '';
}
