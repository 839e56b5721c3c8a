import { useState } from 'react';
import { keyState } from '../api/key.ts';
import type { GenerationInput } from '../api/operations.ts';
import { copyAs, copyKinds, shortened, type CopyKind } from './copy-as.ts';
import './copy-as.css';

/** The request of a result as a command or a program, to be copied. */
export function CopyAsPanel({ input }: { readonly input: GenerationInput }) {
  const [kind, setKind] = useState<CopyKind>('tessera');
  const [said, setSaid] = useState('');
  const text = copyAs(kind, { input, origin: location.origin, withKey: keyState().key !== null });
  const copy = () =>
    navigator.clipboard.writeText(text!).then(
      () => setSaid('Copied.'),
      () => setSaid('The browser did not allow it: select the text and copy it.'),
    );
  return (
    <section className="copy-as" aria-label="Copy as">
      <div role="group" aria-label="Language">
        {copyKinds.map(({ kind: one, title }) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === kind}
            onClick={() => {
              setKind(one);
              setSaid('');
            }}
          >
            {title}
          </button>
        ))}
        {text !== null && (
          <button type="button" className="copy" onClick={() => void copy()}>
            Copy
          </button>
        )}
        <span role="status">{said}</span>
      </div>
      {text === null ? (
        <p>The command line takes the picture as a file: npx tessera edit --help shows how.</p>
      ) : (
        <>
          <pre tabIndex={0}>{shortened(text)}</pre>
          {shortened(text) !== text && <p className="hint">Pictures are cut here to be read; Copy has all of them.</p>}
        </>
      )}
    </section>
  );
}
