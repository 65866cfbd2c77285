import { Link } from '@tanstack/react-router';

import type { Placement } from '@/api/types';
import { distinct } from '@/lib/words';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { State } from '@/ui/State';
import { Versions } from '@/ui/Versions';

const COLUMNS: readonly Column<Placement>[] = [
  {
    key: 'ref',
    title: 'Placement',
    cell: (one) => (
      <Link to="/placements/$cluster/$application" params={{ cluster: one.cluster, application: one.application }}>
        {one.ref}
      </Link>
    ),
  },
  { key: 'sync', title: 'Sync', cell: (one) => <State word={one.paused_by ? 'paused' : one.sync} /> },
  { key: 'health', title: 'Health', cell: (one) => <State word={one.health} /> },
  { key: 'why', title: 'Reason', wide: true, cell: (one) => reason(one) },
  {
    key: 'since',
    title: 'Since',
    numeric: true,
    cell: (one) => <Age at={one.failure?.since ?? one.health_at ?? one.confirmed_at} />,
  },
];

const VERSION: Column<Placement> = { key: 'version', title: 'Version', cell: (one) => <Versions of={one.sources} /> };

function reason(one: Placement): string {
  const paused = one.paused_by && `paused by ${one.paused_by}${one.pause_reason && `: ${one.pause_reason}`}`;
  return distinct(one.reason, one.health_reason, paused).join('; ');
}

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
