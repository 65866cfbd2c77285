/** How instants and lengths of time are said to people, as the command line says them. */

const STEPS: readonly [number, string][] = [
  [60, 's'],
  [60, 'min'],
  [24, 'h'],
];

/** Return about how long some seconds are: `12 s`, `3 min`, `5 h`, `2 d`. */
export function span(seconds: number): string {
  let amount = Math.max(0, Math.floor(seconds));
  for (const [size, unit] of STEPS) {
    if (amount < size) return `${amount} ${unit}`;
    amount = Math.floor(amount / size);
  }
  return `${amount} d`;
}

/** Return about how long it is until an instant; of 90 days it says so for as long as that is the nearest. */
export function until(at: string, now: number): string {
  const left = Math.max(0, (Date.parse(at) - now) / 1000);
  const unit = left < 3_600 ? 60 : left < 86_400 ? 3_600 : 86_400;
  return span(left < 60 ? left : Math.round(left / unit) * unit);
}

/** Return how long ago an instant was; `never` for none. */
export function age(at: string | null, now: number): string {
  return at === null ? 'never' : span((now - Date.parse(at)) / 1000);
}

/** Return how long something took: `0.4 s`, `12 s`, `3 min`; empty while it has not ended. */
export function took(start: string | null, end: string | null): string {
  if (start === null || end === null) return '';
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : span(seconds);
}

/** Return milliseconds as a length of time: `340 ms`, `1.2 s`, `3 min`. */
export function milliseconds(amount: number): string {
  if (amount < 1000) return `${amount} ms`;
  return amount < 10_000 ? `${(amount / 1000).toFixed(1)} s` : span(amount / 1000);
}

/** Return the time of day of an instant in the viewer's own zone, as `14:02`. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}
