import { Habit } from './habits.ts';
import { bodyOf, CLOCK, FORMS, KEY, nameOf, type Part, REPEATED } from './parts.ts';
import { type Json, list, number, record, text } from './stored.ts';

/** The form in which everything stood in one JSON text. */
const WHOLE = 2;

/**
 * Makes parts of what an earlier build kept as one text: the log's time, the ids of events that were counted, where each
 * key was accepted, and what each detector remembered, in the form that this text had. What a detector cannot take over
 * it says itself when it is opened.
 *
 * @returns `lost`: why nothing could be taken over; null where all was
 */
export function upgradeWatch(json: string): {
  readonly parts: readonly Part[];
  readonly lost: string | null;
} {
  try {
    return { parts: partsOf(json), lost: null };
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError)
      return { parts: [], lost: 'what an earlier version remembered of the log cannot be read' };
    throw error;
  }
}

/** @throws {TypeError | SyntaxError} */
function partsOf(json: string): Part[] {
  const stored = record(JSON.parse(json) as Json);
  if (stored.version !== WHOLE) throw new TypeError('another form');
  const reached = number(stored.reached ?? 0);
  return [
    [CLOCK, bodyOf(FORMS.clock, reached)],
    ...repeatsOf(stored.repeats ?? [0, [], []], reached),
    ...list(stored.sources ?? []).map(keyOf),
    ...Object.entries(record(stored.detectors ?? {})).map(
      ([kind, memory]): Part => [nameOf(kind), bodyOf(WHOLE, memory)],
    ),
  ];
}

/** Two halves: the older was full, or old enough, when the newer was begun. */
function repeatsOf(stored: Json, reached: number): Part[] {
  const [since, newer, older] = list(stored);
  const begun = number(since);
  const slices: Json[] = [
    [begun, begun, list(older)],
    [begun, reached, list(newer)],
  ];
  return slices.map((slice, index) => [`${REPEATED}${index + 1}`, bodyOf(FORMS.repeats, slice)]);
}

/** One key: when it was first and last used, and from where it was accepted. No detector noted anything of it. */
function keyOf(entry: Json): Part {
  const [keyId, first, last, ...sources] = list(entry);
  const habit = new Habit(text(keyId), number(first));
  habit.used(number(last));
  for (const source of sources) {
    const [ip, from, to] = list(source);
    habit.accepted(text(ip), number(from)).widen(number(to));
  }
  return [`${KEY}${habit.keyId}`, habit.write()];
}
