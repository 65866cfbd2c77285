import { expect, test } from 'vitest';

import { imageTags, type LiveObject, liveNodes } from './live';

const object = (id: string, children: LiveObject[] = []) =>
  ({ id, kind: 'Pod', namespace: 'a', name: id, children }) as unknown as LiveObject;

test('what hangs on an object stands below it', () => {
  const [root] = liveNodes([object('x', [object('y', [object('z')])])]);
  expect(root?.children[0]?.children[0]?.key).toBe('z');
});

test.each([
  [['registry.example.com:5000/shop/web:1.4'], 'web:1.4'],
  [['web', 'web'], 'web'],
  [[`a/b@sha256:${'0'.repeat(64)}`], 'b@00000000'],
  [[], ''],
])('%j is shown as %s', (images, said) => {
  expect(imageTags(images)).toBe(said);
});
