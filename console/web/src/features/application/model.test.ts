import { expect, test } from 'vitest';

import type { Version } from '@/api/types';

import { former, healthOf, outlook } from './model';

const version = (clusters: number, wanted: number, health: Record<string, number> = {}) =>
  ({ sources: [], clusters: Array.from({ length: clusters }, (_, at) => `c-${at}`), wanted, sync: {}, health }) as Version;

test('healths of all versions are added up', () => {
  expect(healthOf([version(3, 3, { healthy: 2, degraded: 1 }), version(1, 0, { healthy: 1 })])).toEqual({ healthy: 3, degraded: 1 });
});

test('the version before is what most still have that are to get another', () => {
  const of = (id: string, clusters: number, wanted: number) => ({ ...version(clusters, wanted), sources: [{ repo: 'r', ref: 'main', commit: { id } }] }) as Version;
  expect(former([of('new', 3, 9), of('old', 5, 0), of('older', 1, 0)])).toBe('old');
  expect(former([of('new', 3, 3)])).toBe('');
});

test('what comes of a version is told by who has it and who is to', () => {
  expect(outlook(version(3, 3))).toBe('');
  expect(outlook(version(3, 0))).toBe('to be replaced');
  expect(outlook(version(3, 12))).toBe('9 more to get it');
  expect(outlook(version(0, 2))).toBe('2 more to get it');
  expect(outlook(version(3, 1))).toBe('2 to leave it');
});
