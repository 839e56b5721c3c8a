import { expect, it } from 'vitest';
import { requireSameClasses } from './same-classes.ts';

it.each([
  [['cat', 'dog'], 'data whose class 0 is dog; expected the order of the model, whose class 0 is cat', ['dog', 'zcat']],
  [['cat', 'dog'], 'data of 3 classes; expected the 2 of the model', ['cat', 'cow', 'dog']],
])('refuses data whose labels mean something else than those of %j', (model, sentence, data) => {
  const refusal = expect.objectContaining({ code: 'classes-differ', message: expect.stringContaining(sentence) });
  expect(() => requireSameClasses(model, data, 'test')).toThrow(refusal);
});

it.each([[['cat', 'dog']], [['cat', 'hound']], [['n02123045', 'n02084071']]])(
  'takes %j for the classes cat and dog',
  (data) => {
    expect(() => requireSameClasses(['cat', 'dog'], data, 'test')).not.toThrow();
  },
);
