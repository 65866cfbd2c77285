import { Link } from '@tanstack/react-router';
import { type KeyboardEvent, useRef, useState } from 'react';

import type { Placement } from '@/api/types';
import { shortened } from '@/lib/links';
import { look, worst } from '@/lib/state';

import { cellKey, neighbour, type Picture } from './model';

/** What of a placement colours its cell. */
export type By = 'worst' | 'health' | 'sync' | 'version';

function wordOf(one: Placement, by: By): string {
  if (by === 'health' || by === 'sync') return one[by];
  return worst(one.sync, one.health);
}

/** A cell for each placement, with its glyph and version; one tab stop, and arrows from there. */
export function Grid({ of, by }: { of: Picture; by: By }) {
  const [at, setAt] = useState('');
  const table = useRef<HTMLTableElement>(null);
  const entry = of.cells.has(at) ? at : [...of.cells.keys()][0];
  const pressed = (event: KeyboardEvent, one: Placement) => {
    if (!event.key.startsWith('Arrow')) return;
    event.preventDefault();
    const next = neighbour(of, one.cluster, one.application, event.key);
    if (next === null) return;
    setAt(next.ref);
    table.current?.querySelector<HTMLElement>(`[data-ref="${CSS.escape(next.ref)}"]`)?.focus();
  };
  return (
    <div className="grid" tabIndex={-1}>
      <table ref={table} aria-label="Clusters and their applications">
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            {of.applications.map((application) => (
              <th key={application} scope="col" title={application}>
                {application}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.clusters.map((cluster) => (
            <tr key={cluster}>
              <th scope="row">{cluster}</th>
              {of.applications.map((application) => {
                const one = of.cells.get(cellKey(cluster, application));
                if (one === undefined) return <td key={application} />;
                const word = wordOf(one, by);
                const { glyph, tone } = look(word);
                const version = shortened(one.sources);
                return (
                  <td key={application}>
                    <Link
                      to="/placements/$cluster/$application"
                      params={{ cluster, application }}
                      className="cell"
                      data-tone={tone}
                      data-ref={one.ref}
                      tabIndex={one.ref === entry ? 0 : -1}
                      onFocus={() => setAt(one.ref)}
                      onKeyDown={(event) => pressed(event, one)}
                      aria-label={`${one.ref}: ${one.sync}, ${one.health}, version ${version || 'none'}`}
                      title={`${one.ref}\n${one.sync}, ${one.health}${one.reason && `\n${one.reason}`}`}
                    >
                      <span aria-hidden="true">{glyph}</span> <span className="version">{version || '–'}</span>
                    </Link>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
