import { expect, test } from 'vitest';

import type { Reach, Spread } from '@/api/types';

import { answer, spreadOf } from './model';

const spread = (has: number, waits: number, failed: number, unsynced = 0) =>
  ({ has: [], unsynced: [], waits: [], failed: [], counts: { has, unsynced, waits, failed } }) as Spread;
const reach = (of: Spread, registry: Reach['registry'] = null, sources = 1) =>
  ({ spread: of, registry, sources: Array.from({ length: sources }, () => ({})) }) as unknown as Reach;

test('a commit that is everywhere is told so', () => {
  expect(answer(reach(spread(12, 0, 0)))).toBe('All 12 placements that are to have it have it.');
  expect(answer(reach(spread(1, 0, 0)))).toBe('The one placement that is to have it has it.');
});

test('what is behind is told, failures first', () => {
  expect(answer(reach(spread(9, 1, 2)))).toBe('9 of 12 placements have it and are done: 2 failed, 1 waits.');
  expect(answer(reach(spread(0, 3, 0)))).toBe('0 of 3 placements have it and are done: 3 wait.');
});

test('who has it and is not synced is not told as done', () => {
  expect(answer(reach(spread(8, 0, 0, 1)))).toBe('8 of 9 placements have it and are done: 1 has it but is not synced.');
  expect(answer(reach(spread(0, 0, 0, 9)))).toBe('0 of 9 placements have it and are done: 9 have it but are not synced.');
});

test('nothing touched is not told as all well', () => {
  expect(answer(reach(spread(0, 0, 0)))).toBe('It changes nothing of any placement.');
});

test('a commit of the registry alone is about the whole fleet, once it is in force', () => {
  const registry = { in_force: true, lost_at: null, faults: 0, spread: spread(5, 0, 0) };
  expect(spreadOf(reach(spread(0, 0, 0), registry, 0)).counts['has']).toBe(5);
  expect(answer(reach(spread(0, 0, 0), { ...registry, in_force: false, spread: null }, 0))).toContain('does not contain');
});
