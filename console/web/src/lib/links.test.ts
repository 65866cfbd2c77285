import { expect, test } from 'vitest';

import { outside, shortened } from './links';

test.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'http://example.com',
  '//example.com',
  'https://user:secret@example.com',
  '',
])('%s is no link', (address) => {
  expect(outside(address)).toBeNull();
});

test('an address of https is one', () => {
  expect(outside('https://example.com/a?b=c')).toBe('https://example.com/a?b=c');
});

test('commits are cut to what people write', () => {
  expect(shortened([{ revision: 'a'.repeat(40) }, { revision: 'b'.repeat(64) }])).toBe('aaaaaaaa+bbbbbbbb');
});
