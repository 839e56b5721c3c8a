import { Fragment, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Plugin } from '@tessera/client';
import { ConfigForm, OptionsForm } from './part-forms.tsx';
import { schemaRows } from './schema-rows.ts';

const spaces: Record<string, string> = {
  discrete: 'discrete tokens',
  continuous: 'continuous tokens',
  factors: 'tokens of factors',
};
const strides: Record<string, string> = {
  scale: 'a scale a step',
  token: 'a token a step',
  set: 'a set of tokens a step',
  part: 'a part of a scale a step',
};

/** One plug-in: where it is from, what uses it, and what can be set. */
export function Part({ plugin }: { readonly plugin: Plugin }) {
  const { name, models, package: from, version, contract, space, stride, config, options } = plugin;
  const facts = [
    from === null ? 'package not known' : version === null ? from : `${from} ${version}`,
    `contract ${contract}`,
    ...(space === null ? [] : [spaces[space] ?? space]),
    ...(stride === null ? [] : [strides[stride] ?? stride]),
  ];
  return (
    <article aria-label={name}>
      <h3>{name}</h3>
      <p className="quiet">{facts.join(' · ')}</p>
      <Judged plugin={plugin} />
      <p className="part-models">
        {models.length === 0 ? (
          <span className="quiet">No model of this server uses it.</span>
        ) : (
          <>
            Used by{' '}
            {models.map((model, i) => (
              <Fragment key={model}>
                {i > 0 && ', '}
                <Link href={`/?${new URLSearchParams({ model })}`}>{model}</Link>
              </Fragment>
            ))}
          </>
        )}
      </p>
      <Properties title="Configuration in model.json" schema={config}>
        <ConfigForm plugin={plugin} />
      </Properties>
      {options && (
        <Properties title="Options of a request" schema={options}>
          <OptionsForm plugin={plugin} />
        </Properties>
      )}
    </article>
  );
}

/** What the package tells of the conformance kit. Tessera's own parts are tested as a whole. */
function Judged({ plugin: { package: from, version: installed, conformance } }: { readonly plugin: Plugin }) {
  if (from === 'tessera') return null;
  if (!conformance)
    return <p className="quiet part-judged">Its package does not say how the conformance kit judged it.</p>;
  const { cases, failed, kit, version } = conformance;
  const of = version === installed || version === null ? '' : `, of its version ${version}`;
  return (
    <p className={`part-judged ${failed.length === 0 ? 'quiet' : 'problem'}`}>
      {cases - failed.length} of {cases} cases of the conformance kit {kit} passed, as its package reports{of}.
      {failed.length > 0 && ` Failed: ${failed.join(', ')}.`}
    </p>
  );
}

interface PropertiesProps {
  readonly title: string;
  readonly schema: Readonly<Record<string, unknown>>;
  /** A form of them. */
  readonly children: ReactNode;
}

function Properties({ title, schema, children }: PropertiesProps) {
  const rows = schemaRows(schema);
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>
        {title} ({rows.length})
      </summary>
      <div className="scroll" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th>name</th>
              <th>takes</th>
              <th>left out</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, takes, fallback, required, description }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  {takes}
                  {description && <p className="quiet">{description}</p>}
                </td>
                <td>{required ? 'required' : (fallback ?? 'as the part decides')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {children}
    </details>
  );
}
