import { expect, test } from 'vitest';

import { parseSearch, stringifySearch } from './address';

test('texts stand in an address as they are', () => {
  expect(stringifySearch({ live: '1', tab: 'runs' })).toBe('?live=1&tab=runs');
  expect(parseSearch('?live=1&health=true&repo=null')).toEqual({ live: '1', health: 'true', repo: 'null' });
});

test('what is not there is left out', () => {
  expect(stringifySearch({ live: undefined })).toBe('');
  expect(stringifySearch({})).toBe('');
  expect(parseSearch('')).toEqual({});
});

test('any text comes back as it was', () => {
  for (const text of ['"1"', 'a&b=c', '100%', 'é ✕', '1e5', '<b>', '{"a":1}', '+ ']) {
    expect(parseSearch(stringifySearch({ object: text }))).toEqual({ object: text });
  }
});

test('a name that objects have is a name like any other', () => {
  expect(Object.keys(parseSearch('?__proto__=1&constructor=2'))).toEqual(['__proto__', 'constructor']);
});
