/** Names of objects, and the indented tree that a placement's objects are shown as. */

export interface ObjectName {
  group: string;
  kind: string;
  namespace: string;
  name: string;
}

/** Return the parts of `group/Kind:namespace/name`; group and namespace may be empty. */
export function parseObject(text: string): ObjectName {
  const colon = text.indexOf(':');
  const [type, place] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  const slash = type.indexOf('/');
  const behind = place.indexOf('/');
  return {
    group: type.slice(0, Math.max(0, slash)),
    kind: type.slice(slash + 1),
    namespace: place.slice(0, Math.max(0, behind)),
    name: place.slice(behind + 1),
  };
}

export interface TreeNode<T> {
  key: string;
  kind: string;
  name: string;
  value: T;
  children: readonly TreeNode<T>[];
}

export interface TreeRow<T> {
  node: TreeNode<T>;
  depth: number;
  open: boolean;
}

/** Return the rows of a tree that are seen, in their order; `closed` holds the keys of what is folded. */
export function rows<T>(nodes: readonly TreeNode<T>[], closed: ReadonlySet<string>, depth = 0): TreeRow<T>[] {
  return nodes.flatMap((node) => {
    const open = !closed.has(node.key);
    const row = { node, depth, open };
    return open ? [row, ...rows(node.children, closed, depth + 1)] : [row];
  });
}

/** Return objects as the nodes of a tree, in their order. */
export function nodes<T extends { object: string }>(objects: readonly T[]): TreeNode<T>[] {
  return objects.map((one) => {
    const { kind, namespace, name } = parseObject(one.object);
    return { key: one.object, kind, name: namespace === '' ? name : `${namespace}/${name}`, value: one, children: [] };
  });
}
