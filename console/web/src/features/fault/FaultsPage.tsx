import type { Fault } from '@/api/types';
import { sentences } from '@/lib/words';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Title } from '@/ui/Title';

import { useFaults, useStatus } from './queries';

const COLUMNS: readonly Column<Fault>[] = [
  { key: 'where', title: 'Where', cell: (one) => <code>{one.file ? `${one.file}${one.line > 0 ? `:${one.line}` : ''}` : one.scope}</code> },
  {
    key: 'what',
    title: 'What and what to do',
    wide: true,
    cell: (one) => (
      <>
        <div>
          <Sentence of={sentences(one.what)} />
        </div>
        {one.remedy && (
          <div className="remedy">
            <Sentence of={sentences(one.remedy)} />
          </div>
        )}
      </>
    ),
  },
  { key: 'code', title: 'Code', cell: (one) => <code>{one.code}</code> },
  { key: 'commit', title: 'At', cell: (one) => <code title={one.commit}>{one.commit.slice(0, 8)}</code> },
  { key: 'since', title: 'Since', numeric: true, cell: (one) => <Age at={one.first_seen_at} /> },
];

/** What is wrong in the registry, in repositories and in the hub itself: where, and what to do about it. */
export function FaultsPage() {
  const status = useStatus();
  const found = useFaults();
  return (
    <>
      <Title of="Faults" />
      <h1>Faults</h1>
      <Query of={status}>
        {({ work }) =>
          work.length > 0 && (
            <ul className="alerts" aria-label="The hub's work">
              {work.map((one) => (
                <li key={one.code} data-tone="failed">
                  <State word={one.severity} /> <Sentence of={sentences(one.message, one.remedy)} />
                </li>
              ))}
            </ul>
          )
        }
      </Query>
      <Query of={found}>
        {({ items, after }) =>
          items.length > 0 ? (
            <>
              <DataTable
                label="Faults"
                columns={COLUMNS}
                rows={items}
                rowKey={(one) => `${one.scope} ${one.file} ${one.line} ${one.code} ${one.what}`}
              />
              {after && (
                <p className="soft">
                  These are the first {items.length}. <a href="/api/v1/faults?format=csv" download>All of them as CSV</a>
                </p>
              )}
            </>
          ) : (
            <Empty command="flotilla validate">No fault is open. A registry is checked before it is merged by:</Empty>
          )
        }
      </Query>
    </>
  );
}
