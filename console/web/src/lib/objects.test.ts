import { expect, test } from 'vitest';

import { nodes, parseObject, rows } from './objects';

test.each([
  ['apps/Deployment:shop/web', { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }],
  ['/ConfigMap:shop/web', { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'web' }],
  ['/Namespace:/shop', { group: '', kind: 'Namespace', namespace: '', name: 'shop' }],
  [
    'rbac.authorization.k8s.io/ClusterRole:/system:node',
    { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'system:node' },
  ],
])('%s is taken apart', (text, parts) => {
  expect(parseObject(text)).toEqual(parts);
});

test('what is folded hides what is below it', () => {
  const [leaf, root] = nodes([{ object: 'apps/ReplicaSet:a/web-1' }, { object: 'apps/Deployment:a/web' }]);
  const tree = [{ ...root!, children: [leaf!] }];
  expect(rows(tree, new Set()).map((row) => [row.depth, row.node.kind, row.node.name])).toEqual([
    [0, 'Deployment', 'a/web'],
    [1, 'ReplicaSet', 'a/web-1'],
  ]);
  expect(rows(tree, new Set(['apps/Deployment:a/web']))).toHaveLength(1);
});
