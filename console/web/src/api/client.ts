/** One way to the API: a session's cookie goes with each request, and the first 401 leads to the sign-in, once. */

import createClient from 'openapi-fetch';

import { ApiError, problem } from '@/api/problem';
import type { paths } from '@/api/schema';

let leaving = false;

/** Go to the form that signs in, and come back here afterwards. */
function signIn(): void {
  if (leaving) return;
  leaving = true;
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** A promise that waits for another page: what it was to show is not asked for any more. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

async function ask(request: Request): Promise<Response> {
  // Nothing more is asked for whoever is on the way to the form: an ended session must not become a flood.
  if (leaving) return never();
  const answer = await fetch(request).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'the hub does not answer', 'hub.unreachable', 'Look whether the hub and the network are up.');
  });
  if (answer.status !== 401) return answer;
  signIn();
  return never();
}

/** The API, by its paths; give what it returns to `read`. */
export const api = createClient<paths>({ credentials: 'same-origin', fetch: ask });

interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** Return what was answered; throws an `ApiError` for anything but a success. */
export async function read<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok) throw problem(response.status, error, response.headers.get('x-request-id') ?? '');
  return data as T;
}
