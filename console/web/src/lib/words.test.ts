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
  expect(sentences('it failed.', 'try again')).toBe('it failed. try again.');
  expect(sentences('it failed', '')).toBe('it failed.');
});
