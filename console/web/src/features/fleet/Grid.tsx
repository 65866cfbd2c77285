import { Link, useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type MouseEvent, useRef, useState } from 'react';

import type { Placement } from '@/api/types';
import { shortened } from '@/lib/links';
import { look } from '@/lib/state';

import { neighbour, type Picture, states, wordOf } from './model';

interface Props {
  of: Picture;
  ranks: Uint8Array;
  /** By their refs, with versions and reasons; those that are not there are drawn without. */
  details: ReadonlyMap<string, Placement>;
}

/** A cell for each placement, with its glyph and version; one tab stop for all cells, and arrows from there. */
export function Grid({ of, ranks, details }: Props) {
  const [at, setAt] = useState(-1);
  const table = useRef<HTMLTableElement>(null);
  const navigate = useNavigate();
  const entry = of.cells[at] ? at : of.cells.findIndex((byte) => byte !== 0);
  const pressed = (event: KeyboardEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-at]');
    if (!event.key.startsWith('Arrow') || cell === null) return;
    event.preventDefault();
    const next = neighbour(of, Number(cell.dataset['at']), event.key);
    if (next < 0) return;
    setAt(next);
    table.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus();
  };
  // One listener for all: a link of the router's own for each is too slow for thousands.
  const clicked = (event: MouseEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLAnchorElement>('a[data-at]');
    if (cell === null || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate({ to: cell.pathname });
  };
  return (
    <div className="grid" tabIndex={-1}>
      <table ref={table} aria-label="Clusters and their applications" onKeyDown={pressed} onClick={clicked}>
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            {of.applications.map((application) => (
              <th key={application} scope="col" title={application}>
                <Link to="/applications/$application" params={{ application }} preload={false}>
                  {application}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.clusters.map((cluster, row) => (
            <tr key={cluster}>
              <th scope="row">
                <Link to="/clusters/$cluster" params={{ cluster }} preload={false}>
                  {cluster}
                </Link>
              </th>
              {of.applications.map((application, column) => {
                const place = row * of.applications.length + column;
                const byte = of.cells[place] ?? 0;
                if (byte === 0) return <td key={application} />;
                const ref = `${cluster}/${application}`;
                const { glyph, tone } = look(wordOf(ranks[byte] ?? 0));
                const { sync, health } = states(of, byte);
                const one = details.get(ref);
                const version = one && (shortened(one.sources) || '–');
                return (
                  <td key={application}>
                    <a
                      href={`/placements/${encodeURIComponent(cluster)}/${encodeURIComponent(application)}`}
                      className="cell"
                      data-tone={tone}
                      data-at={place}
                      tabIndex={place === entry ? 0 : -1}
                      onFocus={() => setAt(place)}
                      aria-label={`${ref}: ${sync}, ${health}${version ? `, version ${version}` : ''}`}
                      title={`${ref}\n${sync}, ${health}${one?.reason ? `\n${one.reason}` : ''}`}
                    >
                      <span aria-hidden="true">{glyph}</span> {version && <span className="version">{version}</span>}
                    </a>
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
