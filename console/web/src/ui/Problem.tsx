import { ApiError } from '@/api/problem';
import { sentences } from '@/lib/words';
import { Sentence } from '@/ui/Steps';

/** What went wrong with a request: the sentence, what to do, and what to name when asking for help. */
export function Problem({ error }: { error: unknown }) {
  const told = error instanceof ApiError ? error : new ApiError(0, 'this page failed', '', 'Load it again.');
  return (
    <div className="problem" role="alert">
      <p>{sentences(told.message)}</p>
      {told.remedy && (
        <p className="remedy">
          <Sentence of={sentences(told.remedy)} />
        </p>
      )}
      <p className="ids">
        {[told.code, told.status > 0 && `HTTP ${told.status}`, told.request && `request ${told.request}`]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </div>
  );
}
