import { expect, test } from 'vitest';

import { problem } from './problem';

test('a problem says what is wrong, its code and its remedy', () => {
  const body = { title: 'Not found', detail: 'there is no run 7', code: 'run.unknown', remedy: 'List them.' };
  const found = problem(404, body, 'r1');
  expect([found.message, found.code, found.remedy, found.request]).toEqual([
    'there is no run 7',
    'run.unknown',
    'List them.',
    'r1',
  ]);
  expect(found.passes).toBe(false);
});

test.each([['<html>'], [null], [['x']], [{ detail: 7 }], [undefined]])('%j is a problem without words', (body) => {
  expect(problem(502, body, '').message).toBe('the hub answered 502');
  expect(problem(502, body, '').passes).toBe(true);
});
