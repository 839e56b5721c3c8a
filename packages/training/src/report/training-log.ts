import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** One line of a training log: the figures of a step, by name. */
export interface LogLine {
  readonly stage: string;
  readonly step: number;
  readonly [figure: string]: number | string | readonly number[];
}

/** A log with one JSON object per line. */
export interface JsonLog {
  write(line: LogLine): Promise<void>;
  /** Removes the lines of `stage` from `step` on. A resumed training writes them again. */
  rewind(stage: string, step: number): Promise<void>;
  read(): Promise<readonly LogLine[]>;
}

/** Opens a log file. The file and its folder are created with the first line. */
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

/** Drops half a line, which a killed process may leave. Its step will be repeated. */
function parseLine(text: string): LogLine[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as LogLine];
  } catch {
    return [];
  }
}
