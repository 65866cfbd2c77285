/** Sentences of the hub, as they are put on a page. */

/** Return texts without the empty ones and without what was said before. */
export function distinct(...texts: readonly string[]): string[] {
  return [...new Set(texts.filter((one) => one !== ''))];
}

/** What begins with a plain word, and not with a name or a path. */
const WORD = /^[a-z]+(?=[\s,;:]|$)/;

/** Return a sentence that begins as one behind a full stop does; what begins with a name is as it is. */
function begun(sentence: string): string {
  return WORD.test(sentence) ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence;
}

/** Return sentences as one text, each with one full stop, as somebody would write them. */
export function sentences(...texts: readonly string[]): string {
  return texts
    .filter((one) => one !== '')
    .map((one) => begun(one).replace(/([^.?!])$/, '$1.'))
    .join(' ');
}

/** Return a sentence as parts, each of them words or, between backticks, a command. */
export function parts(sentence: string): { text: string; command: boolean }[] {
  return sentence
    .split('`')
    .map((text, index) => ({ text, command: index % 2 === 1 }))
    .filter((one) => one.text !== '');
}
