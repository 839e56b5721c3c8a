import { isGone, type GenerationState } from './generation-state.ts';

interface Explanation {
  /** What happened and what a person can do. */
  readonly said: string;
  /** The server's own words, for who runs it. */
  readonly detail: string | null;
  /** The same once more may succeed. */
  readonly canRepeat: boolean;
}

const stopped = 'The server stopped while it drew these images. Make them again: they come out the same.';
/** By code. Others say what is wrong with the request itself, which sent again would be refused again. */
const passing: Readonly<Record<string, string>> = {
  interrupted: stopped,
  'host-disposed': stopped,
  'model-process-died': stopped,
  'part-hangs':
    'The model did not come to an end of a step, and was stopped. Make the images again, or take another model.',
  'part-deaf': 'The model did not answer any more, and was stopped. Make the images again, or take another model.',
  'model-error': 'The model failed. Make the images again, or take other settings.',
  'queue-full': 'Too many images wait at this server. Stop some of yours, or try again in a while.',
  'quota-exceeded': 'You have made as many images as this server lets you make in a day. Try again later.',
  'storage-failed': 'The server has no room for more pictures. Tell who runs it, then try again.',
  'deadline-passed': 'The server had no time for these images before their deadline. Try again.',
  unreachable: 'The server does not answer. Start it with npm start, then try again.',
};

/** What to say of a run that has failed. */
export function explain({ error, errorCode }: Pick<GenerationState, 'error' | 'errorCode'>): Explanation {
  const detail = error ?? null;
  const said = passing[errorCode ?? ''];
  if (said !== undefined) return { said, detail: errorCode === 'unreachable' ? null : detail, canRepeat: true };
  if (isGone({ errorCode })) {
    const why = 'This server does not have this result: it was deleted, or the link is from another server.';
    return { said: why, detail: null, canRepeat: false };
  }
  return { said: plainWords(error ?? 'The server gave no reason.'), detail: null, canRepeat: errorCode === null };
}

/** The same of whatever was thrown. */
export function saidOf(thrown: Error & { readonly code?: string }): string {
  return explain({ error: thrown.message, errorCode: thrown.code ?? null }).said;
}

/** Messages of the API begin with the part that speaks, in brackets. */
export function plainWords(message: string): string {
  const text = message.replace(/^\[[^\]]*\]\s*/, '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What the server says is wrong, by name of the field of the form. */
export function problemsOf(state: GenerationState | null): Readonly<Record<string, string>> {
  const name = state?.errorField?.at(-1);
  return name === undefined || state?.error == null || isGone(state) ? {} : { [name]: plainWords(state.error) };
}
