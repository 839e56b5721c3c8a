/** The words of an error, or of what caused it. */
export function wordsOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** Reports a line once until something succeeds: null says that it has. */
export function onceInARow(report: (line: string) => void): (line: string | null) => void {
  let said: string | null = null;
  return (line) => {
    if (line !== null && line !== said) report(line);
    said = line;
  };
}
