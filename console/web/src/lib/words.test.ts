import { expect, test } from 'vitest';

import { distinct, parts, sentences } from './words';

test('what is said twice is shown once', () => {
  expect(distinct('a', '', 'a', 'b')).toEqual(['a', 'b']);
});

test('commands are told from words', () => {
  expect(parts('run `flotilla sync` now')).toEqual([
    { text: 'run ', command: false },
    { text: 'flotilla sync', command: true },
    { text: ' now', command: false },
  ]);
  expect(parts('a `b')).toHaveLength(2);
});

test('each sentence ends once', () => {
  expect(sentences('it failed.', 'try again')).toBe('It failed. Try again.');
  expect(sentences('it failed', '')).toBe('It failed.');
  expect(sentences('is it running?')).toBe('Is it running?');
});

test('what begins with a name, a path or a command keeps it as it is', () => {
  for (const one of ['spec.project is empty.', 'apps/v1 is unknown.', 'eu-1 is away.', '`flotilla up` starts it.']) expect(sentences(one)).toBe(one);
});
