import { nodes } from '@/lib/objects';
import { ObjectTree } from '@/ui/ObjectTree';
import { Refs } from '@/ui/Refs';
import { State } from '@/ui/State';

import type { Meaning } from './model';

/** Placements that are named of one approval before the rest is counted. */
const NAMED = 100;

/** What exactly would be allowed: the objects, removals marked, or the placements. */
export function Listed({ of }: { of: Meaning }) {
  return (
    <>
      {of.objects.length > 0 && (
        <div className="listed">
          <ObjectTree
            label="Objects"
            nodes={nodes(of.objects.map((object) => ({ object })))}
            beside={() => of.removes && <State word="deleted" label="to be removed" />}
          />
        </div>
      )}
      {of.placements.length > 0 && (
        <p>
          <Refs of={of.placements.slice(0, NAMED)} count={of.placements.length} />
        </p>
      )}
    </>
  );
}
