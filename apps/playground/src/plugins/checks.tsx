/** What the conformance kit looks at, in the order in which it matters to who uses a part. */
const checks = [
  [
    'The same again',
    'the same seed gives the same bits, alone and in any batch, and no two tokens share random numbers',
  ],
  [
    'What it is asked for',
    'guidance, temperature and every other option change what they should, within all of their range',
  ],
  ['What it learns', 'its loss falls on a small problem, and its samples show what was taught'],
  ['The contract', 'answers have the shapes that others rely on; a configuration is read the same again'],
  ['Kept tokens', 'what an edit keeps stays as it was'],
  ['Good manners', 'it ends within one step of a cancel, and leaves no tensor behind'],
] as const;

/** Conformance: what is checked, and who tells its results. */
export function Checks() {
  return (
    <section aria-label="How parts are checked">
      <h2>How parts are checked</h2>
      <p className="quiet">
        A server runs no checks: they train and sample a part, which takes minutes. The parts of the package{' '}
        <code>tessera</code> have passed all of them, or Tessera would not have been released. Other packages tell
        themselves, in the <code>certificate.json</code> that <code>tessera certify . --report certificate.json</code>{' '}
        writes into their folder.
      </p>
      <dl className="checks">
        {checks.map(([title, what]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{what}.</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
