import type { ReactNode } from 'react';
import { ErrorNote } from '../error-note.tsx';
import type { Service } from '../api/operations.ts';
import '../styles/server.css';
import { formatTime } from '../runs/sentences.ts';
import { bytes, duration, Section, Table } from './table.tsx';
import { OwnWaiting } from './own-waiting.tsx';
import { sumOf, useService, type Failure, type Look, type QueueShare, type Worker } from './service.ts';

/** The queue, the workers and what has failed: for who runs the server. */
export function ServerView() {
  const { service, error, looks } = useService();
  return (
    <main className="server" aria-label="Server">
      {error && <ErrorNote message={error} retry={undefined} />}
      {!error && !service && <p className="loading">Looking at the server…</p>}
      {service && (
        <>
          <Summary service={service} looks={looks} />
          <p>
            Ask the server yourself: <a href="/graphiql/">GraphiQL</a>, with operations to try, and{' '}
            <a href="/openapi.json">its REST routes</a>.
          </p>
          <Workers workers={service.workers} />
          <Queue queue={service.queue} />
          <OwnWaiting />
          <Failures failures={service.failures} />
        </>
      )}
    </main>
  );
}

function Summary({ service, looks }: { readonly service: Service; readonly looks: readonly Look[] }) {
  const { waiting, running } = sumOf(service);
  const oldest = Math.max(0, ...service.queue.map(({ oldestSeconds }) => oldestSeconds ?? 0));
  const ready = service.workers.filter(({ status }) => status === 'READY').length;
  return (
    <dl className="figures">
      <Figure name="waiting" value={String(waiting)} line={<Sparkline values={looks.map((look) => look.waiting)} />} />
      <Figure name="running" value={String(running)} line={<Sparkline values={looks.map((look) => look.running)} />} />
      <Figure name="oldest waits" value={waiting > 0 ? duration(oldest) : '–'} />
      <Figure name="workers ready" value={`${ready} of ${service.workers.length}`} bad={ready === 0} />
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly line?: ReactNode;
  readonly bad?: boolean;
}

function Figure({ name, value, line, bad = false }: FigureProps) {
  return (
    <div className={bad ? 'figure bad' : 'figure'}>
      <dt>{name}</dt>
      <dd>{value}</dd>
      {line}
    </div>
  );
}

/** The last two minutes. */
function Sparkline({ values }: { readonly values: readonly number[] }) {
  const most = Math.max(1, ...values);
  const points = values.map((value, i) => `${60 - values.length + i},${19 - (18 * value) / most}`).join(' ');
  return (
    <svg className="sparkline" viewBox="0 0 60 20" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}

function Workers({ workers }: { readonly workers: readonly Worker[] }) {
  return (
    <Section title="Workers" empty={workers.length === 0 && 'No worker is running: what is accepted waits.'}>
      <Table
        heads={['worker', 'status', 'target', 'memory', 'up', 'models']}
        rows={workers.map((worker) => ({
          key: worker.name,
          cells: [
            worker.name,
            <Status key="status" worker={worker} />,
            worker.target,
            worker.memoryBytes === null ? 'not known' : bytes(worker.memoryBytes),
            duration(worker.ageSeconds),
            <Models key="models" models={worker.models} />,
          ],
        }))}
      />
    </Section>
  );
}

function Status({ worker }: { readonly worker: Worker }) {
  return (
    <div>
      <span className={`status ${worker.status.toLowerCase()}`}>{statusOf(worker)}</span>
      {worker.why && <p className="why">{worker.why}</p>}
    </div>
  );
}

function Models({ models }: Pick<Worker, 'models'>) {
  return (
    <ul className="models">
      {models.map((model) => (
        <li key={model.name} className={model.loaded ? 'loaded' : undefined}>
          {model.name}
          {model.loaded && ' · in memory'}
          {model.running > 0 && ` · ${model.running} running`}
          {model.millisecondsPerImage !== null && ` · ${formatTime(model.millisecondsPerImage)} an image`}
        </li>
      ))}
    </ul>
  );
}

function statusOf({ status, silentSeconds }: Worker): string {
  return status === 'LOST' ? `silent for ${duration(silentSeconds)}` : status.toLowerCase();
}

function Queue({ queue }: { readonly queue: readonly QueueShare[] }) {
  const tenants = queue.some(({ tenant }) => tenant !== '');
  return (
    <Section title="Queue" empty={queue.length === 0 && 'Nothing waits or runs.'}>
      <Table
        heads={['model', ...(tenants ? ['tenant'] : []), 'waiting', 'running', 'oldest waits', 'workers that have it']}
        rows={queue.map(({ model, tenant, waiting, running, oldestSeconds, workers }) => ({
          key: `${model} ${tenant}`,
          cells: [
            model,
            ...(tenants ? [tenant] : []),
            waiting,
            running,
            oldestSeconds === null ? '–' : duration(oldestSeconds),
            workers === 0 ? (
              <span key="none" className="status lost">
                none: it waits for one
              </span>
            ) : (
              workers
            ),
          ],
        }))}
      />
    </Section>
  );
}

function Failures({ failures }: { readonly failures: readonly Failure[] }) {
  return (
    <Section title="Failures of the last hour" empty={failures.length === 0 && 'None.'}>
      <Table
        heads={['code', 'how often', 'newest', 'model', 'what it said']}
        rows={failures.map(({ code, count, newestAt, model, message }) => ({
          key: code,
          cells: [code, count, new Date(newestAt).toLocaleTimeString(), model, message],
        }))}
      />
    </Section>
  );
}
