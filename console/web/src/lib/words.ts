/** Sentences of the hub, as they are put on a page. */

/** Return texts without the empty ones and without what was said before. */
export function distinct(...texts: readonly string[]): string[] {
  return [...new Set(texts.filter((one) => one !== ''))];
}

/** Return sentences as one text, each with one full stop. */
export function sentences(...texts: readonly string[]): string {
  return texts
    .filter((one) => one !== '')
    .map((one) => one.replace(/[.]?$/, '.'))
    .join(' ');
}

/** Return a sentence as parts, each of them words or, between backticks, a command. */
export function parts(sentence: string): { text: string; command: boolean }[] {
  return sentence
    .split('`')
    .map((text, index) => ({ text, command: index % 2 === 1 }))
    .filter((one) => one.text !== '');
}
