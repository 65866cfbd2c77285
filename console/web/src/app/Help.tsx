import { Modal } from '@mantine/core';

import { PAGES } from '@/app/pages';

const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'find an application, a cluster, a placement, a run, a commit'],
  ['/', 'to the filter of this page; where it has none, find'],
  ['j  k', 'next and previous row'],
  ['Enter', 'open the row'],
  ['t', 'the picture of the fleet as a table, and back'],
  ['[  ]', 'previous and next of the list that this page was opened from'],
  ['?', 'this list'],
];

/** What keys do. */
export function Help({ opened, close }: { opened: boolean; close: () => void }) {
  const all = [...KEYS, ...PAGES.map((page) => [`g ${page.letter}`, `go to ${page.title}`] as const)];
  return (
    <Modal opened={opened} onClose={close} title="Keys" closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className="keys">
        {all.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
