import { TesseraError } from '@tessera/errors';

/** What is deleted by its age, in days; null is kept for ever. */
export interface UpkeepOptions {
  /** Generations that have ended, with their images and events. */
  readonly keepDays: number | null;
  /** Pictures of the steps of generations that have ended: the rest of their events stays. */
  readonly keepPreviewsDays: number | null;
  /** Pictures that clients have sent. */
  readonly keepUploadsDays: number | null;
}

/** @throws TesseraError `keep-days-invalid` */
export function readUpkeepOptions(environment: NodeJS.ProcessEnv): UpkeepOptions {
  return {
    keepDays: readDays(environment, 'TESSERA_KEEP_DAYS'),
    keepPreviewsDays: readDays(environment, 'TESSERA_KEEP_PREVIEWS_DAYS'),
    keepUploadsDays: readDays(environment, 'TESSERA_KEEP_UPLOADS_DAYS'),
  };
}

function readDays(environment: NodeJS.ProcessEnv, name: string): number | null {
  const text = environment[name];
  if (!text) return null;
  const days = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && days > 0 && days <= 36_500) return days;
  throw new TesseraError({
    code: 'keep-days-invalid',
    who: 'api',
    got: `${name}=${text.slice(0, 100)}`,
    expected: 'a number of days of at most 36500, more than 0',
    next: `Leave ${name} out to keep everything.`,
  });
}
