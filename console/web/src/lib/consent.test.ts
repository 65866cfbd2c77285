import { expect, test } from 'vitest';

import { isConfirmed, toType } from './consent';

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
