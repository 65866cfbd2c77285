import { expect, test } from 'vitest';

import type { DriftGroup } from '@/api/types';

import { called, told, word } from './model';

const object = (name: string, fields: number) => ({
  group: 'apps',
  kind: 'Deployment',
  namespace: 'shop',
  name,
  action: 'configured',
  fields: Array.from({ length: fields }, (_, at) => ({ path: `.spec.f${at}`, before: '1', after: '2', owner: '', masked: false })),
  more_fields: 0,
});

test('objects are told by kind, namespace and name, and only where fields are known', () => {
  const group = { objects: [object('web', 1), object('made', 0)] } as unknown as DriftGroup;
  expect(told(group).map(called)).toEqual(['Deployment shop/web']);
  expect(called({ ...object('all', 1), kind: 'ClusterRole', namespace: '' })).toBe('ClusterRole all');
});

test('states have the words of all pages', () => {
  expect([word('differs'), word('fight'), word('by-hand')]).toEqual(['out-of-sync', 'fight', 'by hand']);
});
