import { expect, test } from 'vitest';

import { isAskedNow, isOld } from './events';

test('an event makes old what it is about, and nothing else', () => {
  expect(isOld(['runs', {}], new Set(['run']))).toBe(true);
  expect(isOld(['runs', {}], new Set(['health']))).toBe(false);
  expect(isOld(['status'], new Set(['fault']))).toBe(true);
});

test('an event that is not known here, or a loss, makes all old', () => {
  expect(isOld(['anything'], new Set(['all']))).toBe(true);
  expect(isOld(['anything'], new Set(['constructor']))).toBe(true);
  expect(isOld(['inspection', {}], new Set(['all']))).toBe(false);
  expect(isOld(['preview', 'k'], new Set(['all']))).toBe(false);
});

test('nothing is asked for a tab that nobody sees, nor a long list at each event', () => {
  const pages = (count: number) => ({ pages: Array.from({ length: count }, () => ({})) });
  expect(isAskedNow({}, false)).toBe(true);
  expect(isAskedNow({}, true)).toBe(false);
  expect(isAskedNow(pages(3), false)).toBe(true);
  expect(isAskedNow(pages(4), false)).toBe(false);
});
