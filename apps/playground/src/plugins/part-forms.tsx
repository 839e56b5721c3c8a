import { useId, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Plugin } from '@tessera/client';
import { ModelFields } from '../settings/option-fields.tsx';
import { optionFields } from '../settings/options.tsx';
import { createAddress, filled, firstTyped, setFlags, typedNames, type Values } from './part-values.ts';

/* Forms that are made of the JSON Schemas of a part. */

/** Its configuration, as it stands in model.json and in recipes. */
export function ConfigForm({ plugin: { kind, name, config } }: { readonly plugin: Plugin }) {
  const [values, setValues] = useState<Values>(() => defaultsOf(config));
  const [typed, setTyped] = useState(() => firstTyped(config));
  const { value, problems } = filled(config, values, typed);
  const text = `"${kind.toLowerCase()}": ${JSON.stringify({ plugin: name, config: value }, null, 2)}`;
  return (
    <Form title="Fill it in" text={problems.length === 0 ? text : null} problems={problems}>
      <Fields schema={config} values={values} onChange={setValues} />
      {typedNames(config).map((property) => (
        <TypedField
          key={property}
          name={property}
          text={typed[property]!}
          onChange={(to) => setTyped({ ...typed, [property]: to })}
        />
      ))}
    </Form>
  );
}

/** What a request may choose: as a command, and in Create with a model that is made of this part. */
export function OptionsForm({ plugin: { models, options } }: { readonly plugin: Plugin }) {
  const [values, setValues] = useState<Values>({});
  const isEmpty = Object.keys(values).length === 0;
  return (
    <Form title="Try it" text={isEmpty ? null : setFlags(values)} problems={[]}>
      <Fields schema={withoutDefaults(options!)} values={values} onChange={setValues} />
      {!isEmpty && models.length > 0 && (
        <p>
          Create with{' '}
          {models.map((model) => (
            <Link key={model} className="button" href={createAddress(model, values)}>
              {model}
            </Link>
          ))}
        </p>
      )}
    </Form>
  );
}

interface FormProps {
  readonly title: string;
  /** What it makes, to be copied; null where there is nothing yet. */
  readonly text: string | null;
  readonly problems: readonly string[];
  readonly children: ReactNode;
}

function Form({ title, text, problems, children }: FormProps) {
  const [said, setSaid] = useState('');
  const copy = () => {
    // Pages that are not served safely have no clipboard.
    const written = navigator.clipboard?.writeText(text!) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => setSaid('Copied.'),
      () => setSaid('The browser did not allow it: select the text and copy it.'),
    );
  };
  return (
    <form className="part-form" aria-label={title} onSubmit={(event) => event.preventDefault()}>
      <h4>{title}</h4>
      {children}
      {problems.length > 0 && <p className="quiet">{problems.join(' ')}</p>}
      {text !== null && (
        <>
          <pre tabIndex={0}>{text}</pre>
          <p>
            <button type="button" onClick={copy}>
              Copy
            </button>{' '}
            <span role="status">{said}</span>
          </p>
        </>
      )}
    </form>
  );
}

interface FieldsProps {
  readonly schema: Plugin['config'];
  readonly values: Values;
  onChange(values: Values): void;
}

function Fields({ schema, values, onChange }: FieldsProps) {
  return (
    <ModelFields
      model={{ guidanceOff: null, options: schema }}
      own={{ guidance: null, options: values }}
      problems={{}}
      onChange={({ options }) => onChange(options)}
    />
  );
}

interface TypedFieldProps {
  readonly name: string;
  readonly text: string;
  onChange(text: string): void;
}

function TypedField({ name, text, onChange }: TypedFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <input id={id} type="text" spellCheck={false} value={text} onChange={({ target }) => onChange(target.value)} />
      <p className="hint">As JSON.</p>
    </div>
  );
}

function defaultsOf(schema: Plugin['config']): Values {
  const fields = optionFields(schema);
  return Object.fromEntries(
    fields.flatMap(({ name, fallback }) => (fallback === undefined ? [] : [[name, fallback] as const])),
  );
}

/** Of a request only what is changed need be said: the model has its own defaults. */
function withoutDefaults(schema: Plugin['config']): Plugin['config'] {
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, object>>);
  const bare = properties.map(([name, { ...property }]) => [name, { ...property, default: undefined }]);
  return { ...schema, properties: Object.fromEntries(bare) as object };
}
