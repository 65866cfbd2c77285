import { expect, test } from 'vitest';

import { alike } from './problems';

const problem = (ref: string, count: number, of: object = {}) => ({
  placement: { ref, sync: 'unknown', health: 'unknown', reason: 'no answer', health_reason: '', hold: '', hold_code: '', paused_by: '', pause_reason: '', ...of },
  count,
  refs: [ref],
});

test('what says the same is one problem, with all who have it', () => {
  const found = alike([problem('a/x', 3), problem('b/x', 1, { sync: 'failed' }), problem('c/x', 2), problem('d/x', 1, { paused_by: 'ada' })]);
  expect(found.map(({ count, refs }) => [count, refs])).toEqual([
    [5, ['a/x', 'c/x']],
    [1, ['b/x']],
    [1, ['d/x']],
  ]);
});
