import { expect, test } from 'vitest';

import { ending, reach } from './model';

const NOW = Date.parse('2026-11-30T12:00:00Z');

test('a cluster that nobody looked at yet is unknown', () => {
  expect(reach({ reachable: null })).toBe('unknown');
  expect(reach({ reachable: false })).toBe('unreachable');
  expect(reach({ reachable: true })).toBe('reachable');
});

test('credentials press from two weeks before their end', () => {
  expect(ending(null, NOW)).toBeNull();
  expect(ending('2026-11-30T11:00:00Z', NOW)).toEqual({ said: 'ended 1 h ago', word: 'failed' });
  expect(ending('2026-12-03T12:00:00Z', NOW)).toEqual({ said: 'end in 3 d', word: 'out-of-sync' });
  expect(ending('2027-11-30T12:00:00Z', NOW)?.word).toBe('synced');
});
