import type { User } from '@/api/types';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';

import { useUsers } from './queries';

const COLUMNS: readonly Column<User>[] = [
  { key: 'who', title: 'Who', cell: (one) => one.shown || one.actor },
  { key: 'role', title: 'Role everywhere', cell: (one) => one.role ?? <span className="soft">no role everywhere</span> },
  { key: 'groups', title: 'Groups', wide: true, cell: (one) => one.groups.join(', ') },
  { key: 'by', title: 'Signs in by', cell: (one) => one.issuer || 'a password of this hub' },
  {
    key: 'seen',
    title: 'Signed in',
    numeric: true,
    cell: (one) => (one.disabled_at ? <span className="soft">disabled <Age at={one.disabled_at} ago /></span> : one.signed_in_at ? <Age at={one.signed_in_at} ago /> : <span className="soft">never signed in</span>),
  },
];

/** Everybody who may sign in or has, and the command that adds somebody. */
export function Users() {
  const found = useUsers();
  return (
    <section>
      <h2>People</h2>
      <Query of={found}>
        {(data) => (
          <>
            {data.length > 0 && <DataTable label="People" columns={COLUMNS} rows={data} rowKey={(one) => String(one.id)} />}
            <Empty command="flotilla user add NAME --group GROUP">
              {data.length > 0 ? 'Somebody else is added in a terminal:' : "Nobody has a name here yet: the hub's own token is all that opens it. Somebody is added in a terminal:"}
            </Empty>
          </>
        )}
      </Query>
    </section>
  );
}
