/** The nonce of this page's answer: every style element that a library makes has to carry it. */

import { setNonce } from 'get-nonce';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
setNonce(nonce);

export function styleNonce(): string {
  return nonce;
}
