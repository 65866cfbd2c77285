/** One way to the API: a session's cookie goes with each request, and the first 401 leads to the sign-in, once. */

import createClient from 'openapi-fetch';

import { ApiError, problem } from '@/api/problem';
import type { paths } from '@/api/schema';

/** Milliseconds after which an answer is not waited for any more: a hub that hangs holds no page. */
const TIMEOUT = 30_000;

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
  const answer = await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]) });
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

/** Throw what is said where no answer came, or only a part of it. */
function unanswered(error: unknown): never {
  if (error instanceof DOMException && error.name === 'AbortError') throw error;
  throw new ApiError(0, 'the hub does not answer', 'hub.unreachable', 'Look whether the hub and the network are up.');
}

/**
 * Return what was answered; throws an `ApiError` for anything but a success.
 *
 * A list can come as a file as well, which is text: nobody asks for that here.
 */
export async function read<T>(asked: Promise<Answer<T>>): Promise<Exclude<T, string>> {
  const { data, error, response } = await asked.catch(unanswered);
  if (!response.ok) throw problem(response.status, error, response.headers.get('x-request-id') ?? '');
  return data as Exclude<T, string>;
}
