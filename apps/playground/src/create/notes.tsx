import { Link } from 'wouter';
import type { Note } from './use-workbench.ts';

/** What the address says and cannot be had, until it is read. */
export function Notes({ notes, onDismiss }: { readonly notes: readonly Note[]; onDismiss(): void }) {
  return (
    <div className="notes" role="status">
      {notes.length > 0 && (
        <>
          <p>About the address:</p>
          <ul>
            {notes.map(({ text, href }) => (
              <li key={`${text}${href}`}>
                {text} {href && <Link href={href}>{href}</Link>}
              </li>
            ))}
          </ul>
          <button type="button" onClick={onDismiss}>
            Understood
          </button>
        </>
      )}
    </div>
  );
}
