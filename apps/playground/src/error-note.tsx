import type { ReactNode } from 'react';

interface ErrorNoteProps {
  readonly message: string;
  /** The server's own words. */
  readonly detail?: string | null;
  readonly retry?: (() => void) | undefined;
  /** What else a person can do. */
  readonly children?: ReactNode;
}

/** What went wrong and what to do, read out at once. */
export function ErrorNote({ message, detail, retry, children }: ErrorNoteProps) {
  return (
    <div className="error" role="alert">
      <div>
        <p>{message}</p>
        {detail && (
          <details>
            <summary>What the server said</summary>
            <p className="hint">{detail}</p>
          </details>
        )}
      </div>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
      {children}
    </div>
  );
}
