import { expect, test } from 'vitest';

import { ofPaused, soFar } from './foreseen';

test('what is paused and synced all the same stays paused, and that is said', () => {
  expect(ofPaused('sync', { paused: 1 })).toBe('1 is paused: syncs once and stays paused.');
  expect(ofPaused('sync', { paused: 1200 })).toBe('1,200 are paused: sync once and stay paused.');
  expect(ofPaused('pause', { paused: 1 })).toBe('1 is paused.');
  expect(ofPaused('resume', { paused: 3 })).toBe('');
  expect(ofPaused('sync', { paused: 0 })).toBe('');
});

test('what waits is said in the words of the hub, and that it is paused not twice', () => {
  const items = [{ obstacle: 'the cluster is frozen', obstacle_code: 'cluster.frozen' }];
  expect(soFar({ obstacles: { 'placement.paused': 1 }, items })).toEqual([]);
  expect(soFar({ obstacles: { 'cluster.frozen': 1 }, items })).toEqual(['1 waits so far: the cluster is frozen.']);
  expect(soFar({ obstacles: { 'cluster.frozen': 2, 'told.elsewhere': 3 }, items })).toEqual([
    '2 wait so far: the cluster is frozen.',
    '3 wait so far: told.elsewhere.',
  ]);
});
