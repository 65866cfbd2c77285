import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';

import { rows, type TreeNode } from '@/lib/objects';

interface Props<T> {
  label: string;
  nodes: readonly TreeNode<T>[];
  /** What stands beside a name. */
  beside: (value: T) => ReactNode;
  /** The key of the node that is shown elsewhere on the page; empty for none. */
  selected?: string;
  select?: (key: string) => void;
}

/** An indented tree that folds; arrows move and fold as in a file manager. */
export function ObjectTree<T>({ label, nodes, beside, selected = '', select }: Props<T>) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => rows(nodes, closed), [nodes, closed]);
  const fold = (key: string, close: boolean) => {
    const next = new Set(closed);
    if (close) next.add(key);
    else next.delete(key);
    setClosed(next);
  };
  const go = (index: number) => {
    const next = Math.min(shown.length - 1, Math.max(0, index));
    setAt(next);
    list.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[next]?.focus();
  };
  const pressed = (event: KeyboardEvent, index: number) => {
    const row = shown[index];
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(index + 1),
      ArrowUp: () => go(index - 1),
      Home: () => go(0),
      End: () => go(shown.length - 1),
      ArrowRight: () => row && fold(row.node.key, false),
      ArrowLeft: () => row && fold(row.node.key, true),
      Enter: () => row && select?.(row.node.key),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  };
  return (
    <div className="tree" role="tree" aria-label={label} ref={list}>
      {shown.map(({ node, depth, open }, index) => (
        <div
          key={node.key}
          role="treeitem"
          aria-level={depth + 1}
          aria-expanded={node.children.length > 0 ? open : undefined}
          aria-selected={select ? node.key === selected : index === at}
          tabIndex={index === Math.min(at, shown.length - 1) ? 0 : -1}
          style={{ paddingLeft: 8 + depth * 20 }}
          onKeyDown={(event) => pressed(event, index)}
          onClick={() => {
            setAt(index);
            select?.(node.key);
          }}
        >
          <span
            className="fold"
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              if (node.children.length > 0) fold(node.key, open);
            }}
          >
            {node.children.length > 0 ? (open ? '▾' : '▸') : ''}
          </span>
          <span className="kind">{node.kind}</span>
          <span className="name">{node.name}</span>
          {beside(node.value)}
        </div>
      ))}
    </div>
  );
}
