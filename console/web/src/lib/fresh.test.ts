import { expect, test } from 'vitest';

import { EVERY, interval, isStale, pagesOf, SELDOM } from './fresh';

const at = 1_000_000;
const answered = { data: {}, dataUpdatedAt: at, isError: false };

test('an answer that nobody confirmed for two looks is old, though no question failed', () => {
  expect(isStale(answered, EVERY, at + EVERY)).toBe(false);
  expect(isStale(answered, EVERY, at + 2 * EVERY + 10_001)).toBe(true);
  expect(isStale(answered, SELDOM, at + 2 * EVERY + 10_001)).toBe(false);
});

test('a question that failed makes old at once, and what is asked for once does not age', () => {
  expect(isStale({ ...answered, isError: true }, EVERY, at)).toBe(true);
  expect(isStale({ ...answered, dataUpdatedAt: 0 }, EVERY, at)).toBe(false);
  expect(isStale(answered, false, at + 86_400_000)).toBe(false);
});

test('the longer a list has become, the seldomer all of it is asked for', () => {
  const long = { pages: [{}, {}, {}], pageParams: ['', 'a', 'b'] };
  expect(interval(false, { items: [] })).toBe(EVERY);
  expect(interval(false, long)).toBe(3 * EVERY);
  expect(interval(true, long)).toBe(3 * SELDOM);
  expect([pagesOf(undefined), pagesOf(null), pagesOf({ pages: [] }), pagesOf({ pages: 7 })]).toEqual([1, 1, 1, 1]);
});
