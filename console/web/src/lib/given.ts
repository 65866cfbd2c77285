/** What a filter holds. */

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Return the values that are there: neither undefined nor an empty text. */
export function given<T extends object>(filter: T): Given<T> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined && value !== '')) as Given<T>;
}
