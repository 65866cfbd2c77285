import { expect, test } from 'vitest';

import { details, exported, filter, isPlacement, means, quarter } from './model';

test('both days are whole, and what is no day is not left out', () => {
  expect(filter({ since: '2026-07-01', until: '2026-09-30', actor: '' })).toEqual({
    since: '2026-07-01T00:00:00.000Z',
    until: '2026-10-01T00:00:00.000Z',
  });
  expect(filter({ since: '2026-02-30x', until: 'soon' })).toEqual({ since: '2026-02-30x', until: 'soon' });
});

test('a quarter ends with its last day, and the one before may be of the year before', () => {
  const at = Date.parse('2026-02-14T10:00:00Z');
  expect(quarter(at)).toEqual({ since: '2026-01-01', until: '2026-03-31' });
  expect(quarter(at, 1)).toEqual({ since: '2025-10-01', until: '2025-12-31' });
  expect(quarter(Date.parse('2024-06-30T23:59:59Z'), 1)).toEqual({ since: '2024-01-01', until: '2024-03-31' });
});

test('a file is of what is shown, whatever the texts are', () => {
  expect(exported({ actor: 'a&b=c' }, 'csv')).toBe('/api/v1/audit?actor=a%26b%3Dc&format=csv');
});

test('who asked is told with how; what the hub did was asked by nobody', () => {
  const asked = { actor: 'ada', outcome: 'asked', credential: 'session:1', address: '10.0.0.1' } as const;
  expect(means(asked)).toBe('session:1, from 10.0.0.1');
  expect(means({ ...asked, actor: 'operator', credential: '', address: 'uid:0' })).toBe(
    "the hub's own token, from user 0 of the hub's machine",
  );
  expect(means({ ...asked, actor: 'operator' })).toBe('session:1, from 10.0.0.1');
  expect(means({ ...asked, outcome: '', credential: '', address: '' })).toBe('');
});

test("nobody's guess is told as the hub's own token", () => {
  const refused = { actor: 'unknown', outcome: 'refused', credential: '', address: '192.0.2.9' } as const;
  expect(means(refused)).toBe('nothing that counts, from 192.0.2.9');
  expect(means({ ...refused, actor: 'several', address: '' })).toBe('nothing that counts');
  expect(means({ ...refused, actor: 'ada', outcome: 'asked' })).toBe('from 192.0.2.9');
});

test('details are texts, and only names of placements are links', () => {
  expect(details({ why: 'no', counts: { done: 2 } })).toEqual([['why', 'no'], ['counts', '{"done":2}']]);
  expect(['eu-1/web', '*', '7', 'eu/a,eu/b', 'https://x/y', 'javascript:alert(1)/x'].map(isPlacement)).toEqual([true, false, false, false, false, false]);
});
