import { useSearch } from '@tanstack/react-router';

import type { DriftGroup } from '@/api/types';
import { Age } from '@/ui/Age';
import { Choice } from '@/ui/Choice';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Fields } from '@/ui/Fields';
import { Query } from '@/ui/Query';
import { Refs } from '@/ui/Refs';
import { State } from '@/ui/State';
import { Title } from '@/ui/Title';

import { called, told, word } from './model';
import { EVERY, useDrift } from './queries';

const NAMED = 10;
/** Of one object; the run shows all of them. */
const FIELDS = 5;
const SPANS: readonly (readonly [number, string])[] = [
  [1, 'hour'],
  [24, 'day'],
  [168, 'week'],
];

const COLUMNS: readonly Column<DriftGroup>[] = [
  { key: 'state', title: 'State', cell: (one) => <State word={word(one.state)} /> },
  {
    key: 'said',
    title: 'What',
    wide: true,
    cell: (one) => (
      <>
        {one.said.map((text) => (
          <div key={text}>{text}</div>
        ))}
        {told(one).map((each) => (
          <div key={called(each)}>
            <span className="name">{called(each)}</span>
            <Fields of={each.fields.slice(0, FIELDS)} more={each.fields.length - Math.min(FIELDS, each.fields.length) + each.more_fields} />
          </div>
        ))}
        <Refs of={one.refs.slice(0, NAMED)} count={one.placements} />
      </>
    ),
  },
  { key: 'placements', title: 'On', numeric: true, cell: (one) => `${one.placements} ${one.placements === 1 ? 'placement' : 'placements'}` },
  { key: 'corrections', title: 'Corrected', numeric: true, cell: (one) => one.corrections > 0 && `${one.corrections}×` },
  { key: 'last', title: 'Last', numeric: true, cell: (one) => one.last && <Age at={one.last} ago /> },
];

/** What differs from Git on clusters, by whom, and what was corrected lately; the same is told once. */
export function DriftPage() {
  const { hours: asked } = useSearch({ from: '/drift' });
  const hours = SPANS.find(([one]) => String(one) === asked)?.[0] ?? 24;
  const found = useDrift(hours);
  return (
    <>
      <Title of="Drift" />
      <h1>
        Drift
        <Choice
          label="Corrected within"
          options={SPANS.map(([one, title]) => ({ title, on: one === hours, search: { hours: one === 24 ? undefined : String(one) } }))}
        />
      </h1>
      <Query of={found} every={EVERY}>
        {(data) =>
          data.groups.length > 0 ? (
            <DataTable
              label="Drift"
              columns={COLUMNS}
              rows={data.groups}
              rowKey={(one) => `${one.state} ${one.refs[0] ?? ''}`}
              href={(one) => `/placements/${(one.refs[0] ?? '').split('/').map(encodeURIComponent).join('/')}?tab=changes`}
            />
          ) : (
            <Empty command="flotilla diff CLUSTER/APPLICATION">No object was seen to differ from what was applied, and none had to be corrected. Placements may be out of sync for other reasons, as a pause or an approval: the list of placements has these. What a run would change:</Empty>
          )
        }
      </Query>
    </>
  );
}
