import { expect, test } from 'vitest';

import { isConfirmed, needsCount } from './consent';

const nothing = { count: '', reason: '', needsReason: false };

test('few that lose nothing take a press, many and removals their number', () => {
  expect(needsCount({ placements: 10, removes: false })).toBe(false);
  expect(needsCount({ placements: 11, removes: false })).toBe(true);
  expect(needsCount({ placements: 1, removes: true })).toBe(true);
});

test('the number has to be the very one', () => {
  const many = { placements: 412, removes: false };
  expect(isConfirmed(many, nothing)).toBe(false);
  expect(isConfirmed(many, { ...nothing, count: '41' })).toBe(false);
  expect(isConfirmed(many, { ...nothing, count: ' 412 ' })).toBe(true);
});

test('a reason of blanks is none', () => {
  const one = { placements: 1, removes: false };
  expect(isConfirmed(one, { ...nothing, needsReason: true, reason: '  ' })).toBe(false);
  expect(isConfirmed(one, { ...nothing, needsReason: true, reason: 'why' })).toBe(true);
});
