import type { Session } from '@/api/types';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Problem } from '@/ui/Problem';
import { Query } from '@/ui/Query';

import { useEndSession, useSessions } from './queries';
import { Sure } from './Sure';

function columns(end: (id: number) => void): readonly Column<Session>[] {
  return [
    { key: 'who', title: 'Who', wide: true, cell: (one) => <>{one.actor}{one.current && <b className="soft"> this one</b>}</> },
    { key: 'from', title: 'From', cell: (one) => one.address },
    { key: 'made', title: 'Signed in', numeric: true, cell: (one) => <Age at={one.created_at} ago /> },
    { key: 'seen', title: 'Last used', numeric: true, cell: (one) => <Age at={one.seen_at} ago /> },
    { key: 'end', title: 'End it', cell: (one) => <Sure title="End" of={`the session from ${one.address}`} sure={() => end(one.id)} /> },
  ];
}

/** Browsers that are signed in, and the way to end that. */
export function Sessions({ all }: { all: boolean }) {
  const found = useSessions(all);
  const ended = useEndSession();
  return (
    <section>
      <h2>Sessions</h2>
      {ended.isError && <Problem error={ended.error} />}
      <Query of={found}>
        {(data) =>
          data.length > 0 ? (
            <DataTable label="Sessions" columns={columns(ended.mutate)} rows={data} rowKey={(one) => String(one.id)} />
          ) : (
            <Empty>You are no user of this hub: the hub&apos;s own token belongs to nobody. Whoever may administer sees everybody&apos;s sessions.</Empty>
          )
        }
      </Query>
    </section>
  );
}
