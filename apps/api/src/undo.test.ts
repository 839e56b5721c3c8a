import { expect, it } from 'vitest';
import { Undo } from './undo.ts';

it('undoes everything, newest first, also after a step that fails, and tells every failure', async () => {
  const undo = new Undo();
  const done: string[] = [];
  undo.add(() => done.push('lock'));
  undo.add(() => Promise.reject(new Error('database')));
  undo.add(() => done.push('host'));
  undo.add(() => {
    throw new Error('sockets');
  });
  await expect(undo.run()).rejects.toMatchObject({ errors: [{ message: 'sockets' }, { message: 'database' }] });
  expect(done).toEqual(['host', 'lock']);
  // Once is enough.
  await undo.run();
  expect(done).toEqual(['host', 'lock']);
});

it('throws the one thing that failed as it is', async () => {
  const undo = new Undo();
  const error = new Error('database');
  undo.add(() => Promise.reject(error));
  await expect(undo.run()).rejects.toBe(error);
});
