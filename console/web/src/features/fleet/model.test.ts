import { expect, test } from 'vitest';

import type { Placement } from '@/api/types';

import { neighbour, picture } from './model';

const placed = (cluster: string, application: string) =>
  ({ ref: `${cluster}/${application}`, cluster, application }) as Placement;
const FLEET = picture([placed('b', 'y'), placed('a', 'x'), placed('a', 'z'), placed('b', 'x')]);

test('rows and columns are sorted, each name once', () => {
  expect(FLEET.clusters).toEqual(['a', 'b']);
  expect(FLEET.applications).toEqual(['x', 'y', 'z']);
});

test('arrows pass over what is not placed, and end at the edge', () => {
  expect(neighbour(FLEET, 'a', 'x', 'ArrowRight')?.ref).toBe('a/z');
  expect(neighbour(FLEET, 'a', 'x', 'ArrowDown')?.ref).toBe('b/x');
  expect(neighbour(FLEET, 'a', 'z', 'ArrowDown')).toBeNull();
  expect(neighbour(FLEET, 'a', 'x', 'ArrowLeft')).toBeNull();
});
