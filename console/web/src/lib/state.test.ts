import { expect, test } from 'vitest';

import { look, ordered, worst } from './state';

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
