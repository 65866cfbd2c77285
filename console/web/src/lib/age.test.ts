import { expect, test } from 'vitest';

import { age, milliseconds, span, took, until } from './age';

test.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3599, '59 min'],
  [3600, '1 h'],
  [86_399, '23 h'],
  [200_000, '2 d'],
  [-5, '0 s'],
])('%d seconds are %s', (seconds, said) => {
  expect(span(seconds)).toBe(said);
});

test('what never happened has no age', () => {
  expect(age(null, 0)).toBe('never');
});

test('an instant with its zone is as old as the clock says', () => {
  expect(age('2026-01-01T00:00:00+00:00', Date.parse('2026-01-01T01:30:00+01:00'))).toBe('30 min');
});

test('what has not ended took no time yet', () => {
  expect(took('2026-01-01T00:00:00Z', null)).toBe('');
  expect(took('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.400Z')).toBe('0.4 s');
});

test('milliseconds are said in the unit that fits', () => {
  expect([milliseconds(12), milliseconds(1234), milliseconds(61_000)]).toEqual(['12 ms', '1.2 s', '1 min']);
});

test('what ends in 90 days ends in 90 days a minute later too', () => {
  const made = Date.parse('2026-01-01T00:00:00Z');
  expect(until('2026-04-01T00:00:00Z', made)).toBe('90 d');
  expect(until('2026-04-01T00:00:00Z', made + 60_000)).toBe('90 d');
  expect(until('2026-01-01T00:59:50Z', made)).toBe('1 h');
  expect(until('2026-01-01T00:00:20Z', made)).toBe('20 s');
  expect(until('2025-01-01T00:00:00Z', made)).toBe('0 s');
});
