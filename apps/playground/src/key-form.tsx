import type { FormEvent } from 'react';
import { enterKey } from './api/key.ts';
import './key-form.css';

interface KeyFormProps {
  /** Whether the server has refused a key. */
  readonly refused: boolean;
}

export function KeyForm({ refused }: KeyFormProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    enterKey(String(new FormData(event.currentTarget).get('key')).trim());
  };
  return (
    <main className="key-page">
      <form className="key" onSubmit={submit} aria-labelledby="key-title">
        <h2 id="key-title">This server asks for a key</h2>
        {refused && <p role="alert">This key is wrong or was revoked: enter another one.</p>}
        <div className="field">
          <label htmlFor="key">Key</label>
          <input
            id="key"
            name="key"
            type="password"
            required
            autoFocus
            autoComplete="off"
            pattern="\s*[\w\-]+\s*"
            title="A key starts with tsr_ and has no spaces."
            aria-describedby="key-hint"
          />
          <p id="key-hint" className="hint">
            It starts with tsr_. Who runs the server makes one with tessera keys create. This tab keeps it until it is
            closed.
          </p>
        </div>
        <button type="submit" className="primary">
          Use this key
        </button>
      </form>
    </main>
  );
}
