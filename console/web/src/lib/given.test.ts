import { expect, test } from 'vitest';

import { given } from './given';

test('what is not given is left out', () => {
  expect(given({ cluster: '', application: undefined, limit: 0, state: 'ended' })).toEqual({ limit: 0, state: 'ended' });
});
