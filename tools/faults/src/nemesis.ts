import { setTimeout as wait } from 'node:timers/promises';
import process from 'node:process';
import type { Node } from './cluster.ts';
import type { Random } from './random.ts';

/** What faults can be done to. */
export interface Targets {
  readonly apis: readonly Node[];
  readonly workers: readonly Node[];
  readonly postgres: {
    /** Ends it as a crash does, in the middle of whatever it does, and starts it again. */
    restart(): Promise<void>;
    /** Ends the connections on which processes listen: what is notified meanwhile is lost. */
    dropListeners(): Promise<void>;
    /** It takes connections and statements, and says nothing until `wake`. */
    hang(): void;
    wake(): void;
  };
  /** The disk of the pictures; null where none can be mounted. */
  readonly disk: { fill(): void; free(): void } | null;
  readonly random: Random;
  /** What goes on by itself, and has to come to rest before the end. */
  readonly pending: Set<Promise<void>>;
}

/** Longer than the lease of a worker. */
const BEYOND_LEASE_MS = 8000;
/** Longer than a statement is waited for. */
const BEYOND_ANSWER_MS = 12_000;

type Fault = (targets: Targets) => string | Promise<string>;

/** Every kind of fault, with how often it comes. */
export const faults: readonly { readonly name: string; readonly weight: number; readonly run: Fault }[] = [
  { name: 'kill an API', weight: 3, run: ({ apis, random }) => killed(random.of(apis)) },
  { name: 'kill a worker', weight: 4, run: ({ workers, random }) => killed(random.of(workers)) },
  { name: "kill a worker's models", weight: 4, run: ({ workers, random }) => killedChild(random.of(workers)) },
  {
    name: 'stop a worker beyond its lease',
    weight: 3,
    run: (targets) => stopped(targets, targets.random.of(targets.workers)),
  },
  { name: 'stop an API', weight: 2, run: (targets) => stopped(targets, targets.random.of(targets.apis)) },
  {
    name: 'end a process in order',
    weight: 3,
    run: ({ apis, workers, random }) => terminated(random.of([...apis, ...workers])),
  },
  {
    name: 'restart PostgreSQL',
    weight: 2,
    async run({ postgres }) {
      await postgres.restart();
      return 'in mid-commit';
    },
  },
  {
    name: 'hang PostgreSQL',
    weight: 2,
    async run({ postgres, random }) {
      const time = random.of([1000, BEYOND_LEASE_MS, BEYOND_ANSWER_MS]);
      postgres.hang();
      await wait(time);
      postgres.wake();
      return `for ${time} ms`;
    },
  },
  {
    name: 'lose notifications',
    weight: 3,
    async run({ postgres }) {
      await postgres.dropListeners();
      return 'of all processes';
    },
  },
  { name: 'cut clients', weight: 6, run: ({ apis, random }) => disturbed(random.of(apis), 'door', random) },
  {
    name: 'cut the database',
    weight: 5,
    run: ({ apis, workers, random }) => disturbed(random.of([...apis, ...workers]), 'database', random),
  },
  { name: 'fill the disk', weight: 2, run: filled },
  { name: 'jump a clock', weight: 3, run: jumped },
];

/** Does one fault by chance; returns what was done, in words. */
export async function oneFault(targets: Targets): Promise<string> {
  const possible = faults.filter(({ run }) => run !== filled || targets.disk);
  let at = targets.random.next() * possible.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = possible.find(({ weight }) => (at -= weight) < 0) ?? possible[0]!;
  return `${chosen.name}: ${await chosen.run(targets)}`;
}

function killed(node: Node): string {
  node.kill('SIGKILL');
  return node.name;
}

function killedChild(node: Node): string {
  const children = node.children();
  for (const pid of children) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return `${node.name}, ${children.length} processes`;
}

function terminated(node: Node): string {
  node.kill('SIGTERM');
  return node.name;
}

function stopped({ pending, random }: Targets, node: Node): string {
  const time = node.role === 'worker' ? BEYOND_LEASE_MS : 500 + random.below(4000);
  node.kill('SIGSTOP');
  later(pending, time, () => node.kill('SIGCONT'));
  return `${node.name} for ${time} ms`;
}

function disturbed(node: Node, which: 'door' | 'database', random: Random): string {
  const proxy = node[which]!;
  const how = random.of(['cut', 'cutHalfWay', 'stall'] as const);
  if (how === 'stall') proxy.stall(300 + random.below(2500));
  else proxy[how]();
  return `${node.name}, ${how}`;
}

function filled({ disk, pending, random }: Targets): string {
  disk!.fill();
  const time = 500 + random.below(2000);
  later(pending, time, () => disk!.free());
  return `for ${time} ms`;
}

function jumped({ apis, workers, random }: Targets): string {
  const node = random.of([...apis, ...workers]);
  const shift = random.of([-3_600_000, -10_000, 0, 10_000, 3_600_000]);
  node.shiftClock(shift);
  return `${node.name} by ${shift / 1000} s`;
}

function later(pending: Set<Promise<void>>, time: number, task: () => void): void {
  const done = wait(time).then(task);
  pending.add(done);
  void done.finally(() => pending.delete(done));
}
