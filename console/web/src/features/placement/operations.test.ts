import { expect, test } from 'vitest';

import type { LiveObject } from './live';
import { find, pods, words } from './operations';

const object = (id: string, kind: string, ...children: LiveObject[]) => ({ id, kind, children }) as unknown as LiveObject;
const TREE = [object('s', 'Service'), object('d', 'Deployment', object('r', 'ReplicaSet', object('p', 'Pod'), object('q', 'Pod')), object('o', 'ReplicaSet'))];

test('an object is found wherever it hangs, and one that is gone is not', () => {
  expect(find(TREE, 'q')?.kind).toBe('Pod');
  expect(find(TREE, 'gone')).toBeNull();
});

test('the pods that an action is about are counted through what is between', () => {
  expect(TREE.map(pods)).toEqual([0, 2]);
});

test('an action that is not known is called by its name, and promises nothing', () => {
  expect(words('constructor', 'Deployment')).toEqual({ title: 'constructor', says: '' });
  expect(words('suspend', 'Job').says).not.toBe(words('suspend', 'CronJob').says);
});
