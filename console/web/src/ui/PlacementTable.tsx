import { Link } from '@tanstack/react-router';

import type { Placement } from '@/api/types';
import { reasonOf } from '@/lib/reasons';
import { since } from '@/lib/state';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Versions } from '@/ui/Versions';

const COLUMNS: readonly Column<Placement>[] = [
  {
    key: 'ref',
    title: 'Placement',
    cell: (one) => (
      <Link to="/placements/$cluster/$application" params={{ cluster: one.cluster, application: one.application }} title={one.ref}>
        {one.ref}
      </Link>
    ),
  },
  { key: 'sync', title: 'Sync', cell: (one) => <State word={standsAs(one)} /> },
  { key: 'health', title: 'Health', cell: (one) => <State word={one.health} /> },
  { key: 'why', title: 'Reason', wide: true, cell: (one) => <Sentence of={reasonOf(one)} /> },
  {
    key: 'since',
    title: 'Since',
    numeric: true,
    cell: (one) => <Since of={one} />,
  },
];

/** Return the word for how a placement is with Git: that it is kept or paused says more than that it is behind. */
export function standsAs(one: Pick<Placement, 'paused_by' | 'state' | 'sync'>): string {
  if (one.state === 'retained') return one.state;
  return one.paused_by ? 'paused' : one.sync;
}

/** Since when it is so; where nobody noted that, when it was last seen to be so, and that it is this. */
export function Since({ of }: { of: Placement }) {
  const { at, seen } = since(of);
  return seen ? (
    <span className="soft">
      seen <Age at={at} ago />
    </span>
  ) : (
    <Age at={at} />
  );
}

const VERSION: Column<Placement> = { key: 'version', title: 'Version', cell: (one) => <Versions of={one.sources} /> };

function href(one: Placement): string {
  return `/placements/${encodeURIComponent(one.cluster)}/${encodeURIComponent(one.application)}`;
}

interface Props {
  placements: readonly Placement[];
  /** Whether the version that each has is shown. */
  versions?: boolean;
  more?: (() => void) | undefined;
}

/** Placements with why they are as they are, in the order of the server. */
export function PlacementTable({ placements, versions = false, more }: Props) {
  const columns = versions ? [...COLUMNS.slice(0, 3), VERSION, ...COLUMNS.slice(3)] : COLUMNS;
  return <DataTable label="Placements" columns={columns} rows={placements} rowKey={(one) => one.ref} href={href} more={more} />;
}
