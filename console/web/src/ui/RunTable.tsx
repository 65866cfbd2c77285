import { Link } from '@tanstack/react-router';

import type { Run } from '@/api/types';
import { took } from '@/lib/age';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { State } from '@/ui/State';
import { Versions } from '@/ui/Versions';

/** Return how a run stands in one word. */
export function standing(run: Run): string {
  return run.outcome || run.state;
}

/** Return counts by name: `2 created, 1 configured`; `say` makes the words of one. */
export function counted(
  counts: Readonly<Record<string, number>>,
  say: (action: string, count: number) => string = (action, count) => `${count} ${action}`,
): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([action, count]) => say(action, count))
    .join(', ');
}

const WOULD: Readonly<Record<string, string>> = { created: 'create', configured: 'change', adopted: 'adopt', pruned: 'prune' };

/** Return what a run did to objects; a check, which writes nothing, says what a sync would do: `would prune 20, 3 unchanged`. */
export function did(run: Pick<Run, 'trigger' | 'counts'>): string {
  if (run.trigger !== 'check') return counted(run.counts);
  return counted(run.counts, (action, count) => (WOULD[action] ? `would ${WOULD[action]} ${count}` : `${count} ${action}`));
}

const PLACEMENT: Column<Run> = { key: 'ref', title: 'Placement', cell: (run) => <PlacementLink placement={run.ref} /> };

const COLUMNS: readonly Column<Run>[] = [
  {
    key: 'outcome',
    title: 'Outcome',
    cell: (run) => (
      <Link to="/runs/$run" params={{ run: run.id }} title={run.id}>
        <State word={standing(run)} />
      </Link>
    ),
  },
  { key: 'why', title: 'Why', cell: (run) => run.trigger },
  { key: 'by', title: 'By', cell: (run) => run.actor },
  { key: 'did', title: 'Objects', wide: true, cell: (run) => [run.error || run.reason, did(run)].filter(Boolean).join('; ') },
  { key: 'version', title: 'Version', cell: (run) => <Versions of={run.sources} /> },
  { key: 'took', title: 'Took', numeric: true, cell: (run) => took(run.started_at, run.ended_at) },
  { key: 'age', title: 'Age', numeric: true, cell: (run) => <Age at={run.created_at} /> },
];

/** A link to a placement, by `cluster/application`. */
export function PlacementLink({ placement }: { placement: string }) {
  const slash = placement.indexOf('/');
  const params = { cluster: placement.slice(0, slash), application: placement.slice(slash + 1) };
  return (
    <Link to="/placements/$cluster/$application" params={params} title={placement}>
      {placement}
    </Link>
  );
}

interface Props {
  runs: readonly Run[];
  of: 'one placement' | 'all';
  more?: (() => void) | undefined;
}

/** Runs, newest first. */
export function RunTable({ runs, of, more }: Props) {
  const columns = of === 'all' ? [COLUMNS[0] as Column<Run>, PLACEMENT, ...COLUMNS.slice(1)] : COLUMNS;
  return <DataTable label="Runs" columns={columns} rows={runs} rowKey={(run) => run.id} href={(run) => `/runs/${run.id}`} more={more} />;
}
