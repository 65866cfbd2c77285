import { expect, test } from 'vitest';

import type { Drift } from '@/api/types';

import { groups } from './model';

const drift = (ref: string, of: Partial<Drift>) =>
  ({ ref, differs: '', fight: false, corrections: 0, corrected_at: null, cause: '', by_hand: [], ...of }) as Drift;

test('the same said of several is told once, with all of their corrections', () => {
  const found = groups([
    drift('a/x', { cause: 'Deployment x is gone', corrections: 2, corrected_at: '2026-11-30T10:00:00.5Z' }),
    drift('b/x', { cause: 'Deployment x is gone', corrections: 1, corrected_at: '2026-11-30T11:00:00Z' }),
  ]);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ state: 'corrected', refs: ['a/x', 'b/x'], corrections: 3, last: '2026-11-30T11:00:00Z' });
});

test('what differs still is not told together with what was corrected', () => {
  const found = groups([drift('a/x', { differs: 'spec.replicas' }), drift('b/x', { cause: 'spec.replicas', corrections: 1 })]);
  expect(found.map((one) => one.state)).toEqual(['out-of-sync', 'corrected']);
});

test('a fight is told as one, and fields by hand are no drift', () => {
  expect(groups([drift('a/x', { differs: 'y', fight: true })])[0]?.state).toBe('fight');
  expect(groups([drift('a/x', { by_hand: ['Deployment x: metadata.labels.y'] })])[0]).toMatchObject({
    state: 'by hand',
    said: ['Deployment x: metadata.labels.y'],
  });
});
