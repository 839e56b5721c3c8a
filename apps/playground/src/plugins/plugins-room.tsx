import { useEffect, useState } from 'react';
import type { Plugin } from '@tessera/client';
import { asked } from '../api/tessera.ts';
import { schemaRows } from './schema-rows.ts';
import './plugins.css';

/** The kinds of parts, in the order in which an image passes them. */
const kinds = [
  { kind: 'TOKENIZER', title: 'Tokenizers', does: 'turn pictures into tokens, and tokens back into pictures.' },
  { kind: 'ORDER', title: 'Orders', does: 'say which tokens come next.' },
  { kind: 'BACKBONE', title: 'Backbones', does: 'turn the tokens that are known into hidden states.' },
  { kind: 'HEAD', title: 'Heads', does: 'draw the next tokens from hidden states.' },
] as const;

type Answer = Awaited<ReturnType<typeof fetchPlugins>>;

function fetchPlugins() {
  return asked((client) => client.plugins());
}

/** The parts that models of this server may be made of. */
export function PluginsRoom() {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    fetchPlugins().then(setAnswer, (reason: Error) => setError(reason.message));
  }, []);
  if (error) return <p role="alert">{error}</p>;
  if (!answer) return <p className="loading">Loading the plug-ins…</p>;
  return (
    <main className="plugins" aria-label="Plug-ins">
      <p className="lead">
        A model is made of a tokenizer, an order, a backbone and a head. These are installed. A package of parts is
        added by its name in <code>tessera.config.ts</code>.
      </p>
      {answer.pluginProblems.map(({ message }) => (
        <p key={message} role="alert" className="problem">
          {message}
        </p>
      ))}
      {kinds.map(({ kind, title, does }) => (
        <section key={kind} aria-label={title}>
          <h2>{title}</h2>
          <p className="quiet">They {does}</p>
          <div className="parts">
            {answer.plugins
              .filter((plugin) => plugin.kind === kind)
              .map((plugin) => (
                <Part key={plugin.name} plugin={plugin} />
              ))}
          </div>
        </section>
      ))}
    </main>
  );
}

const spaces: Record<string, string> = { discrete: 'discrete tokens', continuous: 'continuous tokens' };
const strides: Record<string, string> = {
  scale: 'a scale a step',
  token: 'a token a step',
  set: 'a set of tokens a step',
};

function Part({
  plugin: { name, package: from, version, contract, space, stride, config, options },
}: {
  plugin: Plugin;
}) {
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
      <Properties title="Configuration in model.json" schema={config} />
      {options && <Properties title="Options of a request" schema={options} />}
    </article>
  );
}

function Properties({ title, schema }: { readonly title: string; readonly schema: Readonly<Record<string, unknown>> }) {
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
    </details>
  );
}
