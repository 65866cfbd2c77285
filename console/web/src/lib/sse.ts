/** Server-sent events (HTML, section 9.2), read from the pieces of a body. */

export interface Message {
  event: string;
  data: string;
}

/** How far a stream has come: what is sent as `Last-Event-ID` to go on behind it. Empty at the beginning. */
export interface Place {
  id: string;
}

/** Characters that may wait for the end of their line; what sends more sends no events. */
const MOST = 1024 * 1024;

/**
 * Returns a function that takes the next piece of a body and gives the messages that it completes.
 *
 * @param place moves on with each message and each comment that is complete, however the body ends.
 */
export function reader(place: Place): (piece: string) => Message[] {
  let rest = '';
  let event = '';
  let data: string[] = [];
  let id = place.id;
  const line = (text: string): Message | null => {
    if (text === '') {
      const done = data.length > 0 ? { event: event || 'message', data: data.join('\n') } : null;
      place.id = id;
      event = '';
      data = [];
      return done;
    }
    const colon = text.indexOf(':');
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'event') event = value;
    else if (name === 'id') id = value;
    return null;
  };
  return (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MOST) throw new RangeError('a line of the stream does not end');
    return lines.map((text) => line(text.replace(/\r$/, ''))).filter((one) => one !== null);
  };
}

/** Return how many milliseconds to wait before a try: 1, 2, 4, … up to 60 seconds, spread by `chance` from 0 to 1. */
export function delay(failures: number, chance: number): number {
  return Math.min(60_000, 1000 * 2 ** failures) * (0.75 + chance / 2);
}
