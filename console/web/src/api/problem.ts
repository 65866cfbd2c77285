/** Errors of the API as values: what is wrong, its code, and what to do about it. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = '',
    readonly remedy = '',
    readonly request = '',
  ) {
    super(message);
  }

  /** Whether the same question may be answered later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Return the error that an answer tells, whatever its body is: a proxy in front answers in words of its own. */
export function problem(status: number, body: unknown, request: string): ApiError {
  const told = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = (...names: string[]) => {
    const found = names.map((name) => told[name]).find((value) => typeof value === 'string' && value !== '');
    return typeof found === 'string' ? found : '';
  };
  const message = text('detail', 'title') || `the hub answered ${status}`;
  return new ApiError(status, message, text('code'), text('remedy'), text('request_id') || request);
}
