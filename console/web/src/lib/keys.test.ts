import { expect, test } from 'vitest';

import { action, step } from './keys';

const plain = { modified: false, command: false, typing: false };

test.each(['/', '?', 'j', 'k', 't', 'Enter', '[', ']', 'g'])('%s does something, and nothing while typing', (key) => {
  expect(action({ ...plain, key }, false)).not.toBeNull();
  expect(action({ ...plain, key, typing: true }, false)).toBeNull();
  expect(action({ ...plain, key, modified: true }, false)).toBeNull();
});

test('the search opens while typing too', () => {
  expect(action({ ...plain, key: 'k', command: true, typing: true }, false)).toEqual({ do: 'search' });
});

test('a letter behind g goes to a page, and j is a letter then', () => {
  expect(action({ ...plain, key: 'j' }, true)).toEqual({ do: 'go', letter: 'j' });
  expect(action({ ...plain, key: '1' }, true)).toBeNull();
});

test('steps end where the list ends', () => {
  expect(step(['/a', '/b'], '/a', 1)).toBe('/b');
  expect(step(['/a', '/b'], '/b', 1)).toBeNull();
  expect(step(['/a', '/b'], '/c', 1)).toBeNull();
});
