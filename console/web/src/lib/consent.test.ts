import { expect, test } from 'vitest';

import { changes, type Foreseen, isConfirmed, toType } from './consent';

const nothing = { count: '', reason: '', needsReason: false };

test('few that lose nothing take a press, many their number, and removals that of the objects', () => {
  expect(toType({ placements: 10, removals: 0 })).toBeNull();
  expect(toType({ placements: 11, removals: 0 })).toBe(11);
  expect(toType({ placements: 0, removals: 1 })).toBe(1);
  expect(toType({ placements: 412, removals: 7 })).toBe(7);
});

test('the number has to be the very one', () => {
  const many = { placements: 412, removals: 0 };
  expect(isConfirmed(many, nothing)).toBe(false);
  expect(isConfirmed(many, { ...nothing, count: '41' })).toBe(false);
  expect(isConfirmed(many, { ...nothing, count: ' 412 ' })).toBe(true);
  expect(isConfirmed({ ...many, removals: 7 }, { ...nothing, count: '412' })).toBe(false);
});

test('a reason of blanks is none', () => {
  const one = { placements: 1, removals: 0 };
  expect(isConfirmed(one, { ...nothing, needsReason: true, reason: '  ' })).toBe(false);
  expect(isConfirmed(one, { ...nothing, needsReason: true, reason: 'why' })).toBe(true);
});

const one = { state: 'live', sync: 'synced', health: 'healthy', paused: false, obstacle: '' };
const before: Foreseen = {
  placements: 2,
  removals: 0,
  revisions: 1,
  paused: 0,
  unreachable: 0,
  obstacles: { frozen: 1 },
  items: [
    { ref: 'a/web', ...one },
    { ref: 'b/web', ...one },
  ],
};

test('what has changed since somebody looked is said, each once', () => {
  const items = [
    { ref: 'b/web', ...one, paused: true },
    { ref: 'c/web', ...one },
  ];
  const after = { ...before, removals: 3, paused: 1, obstacles: { constructor: 2 }, items };
  expect(changes(before, after)).toEqual([
    'objects removed: 3, was 0',
    'paused: 1, was 0',
    'held back by frozen: 0, was 1',
    'held back by constructor: 2, was 0',
    'new: c/web',
    'gone: a/web',
    'stands otherwise: b/web',
  ]);
});

test('a change that cannot be told is still said to be one, and a long list is cut', () => {
  expect(changes(before, before)).toEqual([expect.stringContaining('not listed here')]);
  const items = Array.from({ length: 12 }, (_, at) => ({ ref: `n${at}/web`, ...one }));
  expect(changes({ ...before, items: [] }, { ...before, items })).toEqual(['new: n0/web, n1/web, n2/web, n3/web, n4/web and 7 more']);
});
