import './picture.css';

import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';

import type { PictureAnswer } from '@/api/types';
import { Choice } from '@/ui/Choice';
import { Query } from '@/ui/Query';

import { Applications } from './Applications';
import { AsTable } from './AsTable';
import { Grid } from './Grid';
import { Groups } from './Groups';
import { arrange, between, type By, decode, type Group, isSmall, type Picture, scale, tally } from './model';
import { Overview } from './Overview';
import { type Filter, useDetails, usePicture } from './queries';
import { Rows } from './Rows';

const KINDS: readonly (readonly [By, string])[] = [
  ['worst', 'worst'],
  ['health', 'health'],
  ['sync', 'sync'],
];
/** Applications that are listed where a picture has no room. */
const NARROW = 12;
/** In an address: by no label. */
const UNGROUPED = 'none';

interface Drawn {
  of: Picture;
  ranks: Uint8Array;
}

/** A fleet of which each placement has a cell of its own. */
function Small({ of, ranks, filter }: Drawn & { filter: Filter }) {
  const details = useDetails(filter);
  const byRef = useMemo(() => new Map(details.data?.map((one) => [one.ref, one])), [details.data]);
  return <Grid of={of} ranks={ranks} details={byRef} />;
}

/** A fleet that is seen from afar first. */
function Large({ of, ranks, grouping }: Drawn & { grouping: PictureAnswer['groupings'][number] | undefined }) {
  const { from, to } = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const arranged = useMemo(() => arrange(of, grouping), [of, grouping]);
  const { rows, groups } = arranged;
  const chosen = between(of, rows, from, to);
  const choose = (span: Pick<Group, 'from' | 'to'>) => {
    const again = chosen?.from === span.from && chosen.to === span.to;
    const ends = again ? {} : { from: of.clusters[rows[span.from] ?? 0], to: of.clusters[rows[span.to - 1] ?? 0] };
    void navigate({ search: (old: object) => ({ ...old, from: undefined, to: undefined, ...ends }), replace: true, resetScroll: false });
  };
  const all = useMemo(() => tally(of, ranks, rows, 0, rows.length), [of, ranks, rows]);
  const count = (one: number) => one.toLocaleString('en');
  const label = `${count(of.clusters.length)} clusters by ${count(of.applications.length)} applications: ${count(all.placed)} placements, ${count(all.bad)} bad. The key t shows it as a table.`;
  return (
    <>
      <Overview of={of} ranks={ranks} arranged={arranged} chosen={chosen} choose={choose} label={label} />
      {grouping && <Groups of={of} ranks={ranks} rows={rows} label={grouping.label} groups={groups} chosen={chosen} choose={choose} />}
      {chosen && <Rows of={of} ranks={ranks} rows={rows} span={chosen} />}
    </>
  );
}

function Whole({ answer, filter }: { answer: PictureAnswer; filter: Filter }) {
  const { by: asked, group, as } = useSearch({ from: '/' });
  const by = KINDS.find(([key]) => key === asked)?.[0] ?? 'worst';
  const of = useMemo(() => decode(answer), [answer]);
  const ranks = useMemo(() => scale(of, by), [of, by]);
  const rows = useMemo(() => arrange(of, undefined).rows, [of]);
  if (of.cells.length === 0) return null;
  const small = isSmall(of);
  const grouping = group === UNGROUPED ? undefined : (answer.groupings.find(({ label }) => label === group) ?? answer.groupings[0]);
  const table = as === 'table';
  return (
    <section className="picture" data-small={small || undefined}>
      <h2>
        Picture
        <Choice label="Cells show" options={KINDS.map(([key, title]) => ({ title, on: key === by, search: { by: key === 'worst' ? undefined : key } }))} />
        {!small && !table && answer.groupings.length > 0 && (
          <Choice
            label="Clusters by"
            options={[
              ...answer.groupings.map(({ label }) => ({ title: label, on: label === grouping?.label, search: { group: label } })),
              { title: 'name', on: grouping === undefined, search: { group: UNGROUPED } },
            ]}
          />
        )}
        <Choice label="Shown as" options={[{ title: table ? 'as picture' : 'as table', on: false, keys: 't', search: { as: table ? undefined : 'table' } }]} />
      </h2>
      {answer.picture.more && <p className="soft">There are more placements than are drawn. Filter by a cluster or an application to see the others.</p>}
      <div className="narrow">
        <h2>Applications</h2>
        <Applications of={of} ranks={ranks} most={NARROW} />
        {of.applications.length > NARROW && (
          <p>
            <Link to="/applications">All {of.applications.length.toLocaleString('en')} applications</Link>
          </p>
        )}
      </div>
      {table ? <AsTable of={of} ranks={ranks} rows={rows} /> : small ? <Small of={of} ranks={ranks} filter={filter} /> : <Large of={of} ranks={ranks} grouping={grouping} />}
    </section>
  );
}

/** The whole fleet at a glance: cells, or from afar, or as a table. */
export function PictureOf({ filter }: { filter: Filter }) {
  const found = usePicture(filter);
  return <Query of={found}>{(answer) => <Whole answer={answer} filter={filter} />}</Query>;
}
