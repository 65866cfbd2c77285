import { Fragment } from 'react';

import { PlacementLink } from '@/ui/RunTable';

/** Some placements by name, and how many more there are. */
export function Refs({ of, count }: { of: readonly string[]; count: number }) {
  return (
    <>
      {of.map((ref, index) => (
        <Fragment key={ref}>
          {index > 0 && ', '}
          <span className="ref">
            <PlacementLink placement={ref} />
          </span>
        </Fragment>
      ))}
      {count > of.length && <span className="soft"> and {(count - of.length).toLocaleString('en')} more</span>}
    </>
  );
}
