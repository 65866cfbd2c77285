import { expect, test } from 'vitest';

import { address } from './client';

test('names are encoded, so that none leads elsewhere', () => {
  expect(address(['placements', '../x', 'a b?c'])).toBe('/api/v1/placements/..%2Fx/a%20b%3Fc');
});

test('what is not given is left out', () => {
  expect(address(['runs'], { after: '', limit: 5, cluster: undefined, state: 'ended' })).toBe(
    '/api/v1/runs?limit=5&state=ended',
  );
});
