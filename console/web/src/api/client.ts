/** One way to the API: a session's cookie goes with each request, and the first 401 leads to the sign-in, once. */

import { ApiError, problem } from '@/api/problem';

export type Query = Record<string, string | number | undefined>;

let leaving = false;

/** Go to the form that signs in, and come back here afterwards. */
function signIn(): void {
  if (leaving) return;
  leaving = true;
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** Return where a path of the API is; values that are undefined or empty are left out. */
export function address(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api/v1/${path.map(encodeURIComponent).join('/')}${search && `?${search}`}`;
}

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  // Nothing more is asked for whoever is on the way to the form: an ended session must not become a flood.
  if (leaving) return new Promise<T>(() => undefined);
  const answer = await fetch(url, { ...init, credentials: 'same-origin' }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'the hub does not answer', 'hub.unreachable', 'Look whether the hub and the network are up.');
  });
  if (answer.status === 401) {
    signIn();
    return new Promise<T>(() => undefined);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw problem(answer.status, body, answer.headers.get('x-request-id') ?? '');
  return body as T;
}

/** Return what a read answers. */
export function get<T>(path: readonly string[], query: Query = {}, signal?: AbortSignal): Promise<T> {
  return ask<T>(address(path, query), { headers: { Accept: 'application/json' }, ...(signal && { signal }) });
}
