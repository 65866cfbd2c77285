import type { ChangedField } from '@/api/types';

/** How the server writes what it does not show. */
const MASK = '[redacted]';

/** The fields of an object that differ: what each was, would be, and who holds it. */
export function Fields({ of, more }: { of: readonly ChangedField[]; more: number }) {
  return (
    <div className="fields" role="group" aria-label="Changed fields" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Was</th>
            <th scope="col">Becomes</th>
            <th scope="col">Held by</th>
          </tr>
        </thead>
        <tbody>
          {of.map((one) => (
            <tr key={one.path}>
              <th scope="row">{one.path}</th>
              {one.masked && one.before === MASK && one.after === MASK ? (
                <td colSpan={2} className="soft">
                  changed, not shown
                </td>
              ) : (
                <>
                  <td data-sign={one.before === null ? undefined : '-'}>{one.before ?? <span className="soft">nothing</span>}</td>
                  <td data-sign={one.after === null ? undefined : '+'}>{one.after ?? <span className="soft">nothing</span>}</td>
                </>
              )}
              <td className="soft">{one.owner}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p className="soft">and {more.toLocaleString('en')} more</p>}
    </div>
  );
}
