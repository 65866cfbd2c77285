import { expect, test } from 'vitest';

import { delay, reader } from './sse';

test('messages come whole, wherever the pieces are cut', () => {
  const text = 'event: run.ended\nid: 5.a\ndata: {"a":1}\n\n: a comment\n\nid: 6.b\n\ndata: x\r\ndata: y\r\n\r\n';
  for (const size of [1, 3, 7, text.length]) {
    const place = { id: '' };
    const take = reader(place);
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...take(text.slice(at, at + size)));
    expect(found).toEqual([
      { event: 'run.ended', data: '{"a":1}' },
      { event: 'message', data: 'x\ny' },
    ]);
    expect(place.id).toBe('6.b');
  }
});

test('a comment moves the place on once it is whole', () => {
  const place = { id: '5.a' };
  const take = reader(place);
  expect(take('id: 7.c\n: ')).toEqual([]);
  expect(place.id).toBe('5.a');
  expect(take('\n\n')).toEqual([]);
  expect(place.id).toBe('7.c');
});

test('a line without end is refused', () => {
  const take = reader({ id: '' });
  expect(() => {
    for (let piece = 0; piece < 100; piece += 1) take('x'.repeat(65_536));
  }).toThrow(RangeError);
});

test('tries get rarer and are spread', () => {
  expect([delay(0, 0.5), delay(1, 0.5), delay(10, 0.5)]).toEqual([1000, 2000, 60_000]);
  expect(delay(0, 0)).toBeLessThan(delay(0, 1));
});
