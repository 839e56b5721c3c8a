import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** One line of a training log. `stage` and `step` say when; all else is by name. */
export interface LogLine {
  readonly stage: string;
  readonly step: number;
  readonly [figure: string]: number | string | readonly number[];
}

/** A log of one JSON object a line. */
export interface JsonLog {
  write(line: LogLine): Promise<void>;
  /** Forgets lines of `stage` from `step` on: a resumed training writes them again. */
  rewind(stage: string, step: number): Promise<void>;
  read(): Promise<readonly LogLine[]>;
}

/** Opens the log of a file, which is made with its folder when the first line comes. */
export function jsonLog(path: string): JsonLog {
  const read = async (): Promise<LogLine[]> => {
    const text = await readFile(path, 'utf8').catch(() => '');
    return text.split('\n').flatMap(parseLine);
  };
  return {
    read,
    async write(line) {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, `${JSON.stringify(line)}\n`);
    },
    async rewind(stage, step) {
      const lines = await read();
      if (lines.length === 0) return;
      const kept = lines.filter((line) => line.stage !== stage || line.step < step);
      await writeFile(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
  };
}

/** A killed process may leave half a line; it is dropped, since its step will be made again. */
function parseLine(text: string): LogLine[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as LogLine];
  } catch {
    return [];
  }
}
