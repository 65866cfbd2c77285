import { expect, test } from 'vitest';

import { look, ordered, since, worst } from './state';

test('a word that nobody knows is shown without a colour, whatever objects inherit', () => {
  expect(look('constructor').tone).toBe('plain');
  expect(look('brand-new').tone).toBe('plain');
});

test('counts come in the order of need, without the empty ones', () => {
  expect(ordered('health', { healthy: 3, degraded: 1, missing: 0 }).map(([word]) => word)).toEqual([
    'degraded',
    'healthy',
  ]);
});

test.each([
  ['failed', 'healthy', 'failed'],
  ['synced', 'degraded', 'degraded'],
  ['out-of-sync', 'degraded', 'degraded'],
  ['unknown', 'healthy', 'unknown'],
  ['synced', 'healthy', 'healthy'],
])('%s and %s together are %s', (sync, health, said) => {
  expect(worst(sync, health)).toBe(said);
});

test('a look at a placement is never told as the beginning of its state', () => {
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
  const fine = { failure: null, paused_by: '', paused_at: null, health_at: late, confirmed_at: late };
  expect(since(fine)).toEqual({ at: late, seen: true });
  expect(since({ ...fine, health_at: null, confirmed_at: null })).toEqual({ at: null, seen: true });
  expect(since({ ...fine, failure: { since: early } })).toEqual({ at: early, seen: false });
  expect(since({ ...fine, paused_by: 'anna', paused_at: early })).toEqual({ at: early, seen: false });
});
