import { useEffect, useState } from 'react';
import { asked } from '../api/tessera.ts';
import { Checks } from './checks.tsx';
import { Part } from './part.tsx';
import './plugins.css';

/** The kinds of parts, in the order in which an image passes them. */
const kinds = [
  { kind: 'TOKENIZER', title: 'Tokenizers', does: 'turn pictures into tokens, and tokens back into pictures.' },
  { kind: 'ORDER', title: 'Orders', does: 'say which tokens come next.' },
  { kind: 'BACKBONE', title: 'Backbones', does: 'turn the tokens that are known into hidden states.' },
  { kind: 'HEAD', title: 'Heads', does: 'draw the next tokens from hidden states.' },
  { kind: 'CONDITION', title: 'Conditions', does: 'embed what an image is to show.' },
  { kind: 'GUIDANCE', title: 'Guidances', does: 'say how strongly conditions pull. Requests name them.' },
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
        A model is made of a tokenizer, an order, a backbone, a head and a condition. These are installed. A package of
        parts is added by its name in <code>tessera.config.ts</code>.
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
      <Checks />
    </main>
  );
}
