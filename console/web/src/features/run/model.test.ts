import { expect, test } from 'vitest';

import { stages } from './model';

test('stages follow each other and fill the bar', () => {
  const found = stages({ render: 10, plan: 30, apply: 60 });
  expect(found.map((one) => [one.name, one.from, one.share])).toEqual([
    ['render', 0, 10],
    ['plan', 10, 30],
    ['apply', 40, 60],
  ]);
});

test('what took no time has no bar', () => {
  expect(stages({})).toEqual([]);
  expect(stages({ plan: 0 })).toEqual([]);
});
