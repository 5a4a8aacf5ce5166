import { HOUR } from '../../model/index.ts';
import { type Found, isPage } from './found.ts';
import type { Label } from './labels.ts';

/** What became of one labelled episode. */
export type Outcome = {
  readonly label: Label;
  /** The findings about it that are not for the record alone; of a benign one, those that no attack explains. */
  readonly pages: readonly Found[];
  /** The first finding of a kind that the label names; null: it was missed. */
  readonly by: Found | null;
};

export type Score = {
  readonly outcomes: readonly Outcome[];
  /** All findings that are not for the record alone. */
  readonly pages: readonly Found[];
  /** Those that no labelled attack explains. */
  readonly falsePages: readonly Found[];
};

/** What is told so long after an episode's end can still be about it. */
const AFTER = 6 * HOUR;

/**
 * Holds findings against labels. A finding is about an episode where it is told in its time, bears no other key, and
 * names one of its addresses; where the label names none, the key decides.
 */
export function score(all: readonly Found[], labels: readonly Label[]): Score {
  const pages = all.filter(isPage);
  const attacks = labels.filter(({ benign }) => !benign);
  const falsePages = pages.filter((found) => !attacks.some((label) => isAbout(found, label)));
  const outcomes = labels.map((label): Outcome => {
    const about = all.filter((found) => isAbout(found, label));
    const by = about.find((found) => label.kinds.some((kind) => kindsOf(found).includes(kind))) ?? null;
    const counted = label.benign ? falsePages : pages;
    return { label, pages: about.filter((found) => counted.includes(found)), by };
  });
  return { outcomes, pages, falsePages };
}

export const attacksOf = ({ outcomes }: Score): readonly Outcome[] =>
  outcomes.filter(({ label }) => !label.benign);

export const missedIn = (of: Score): readonly Outcome[] => attacksOf(of).filter(({ by }) => by === null);

/** Episodes that look like attacks and are none, about which somebody was disturbed. */
export const benignPaged = ({ outcomes }: Score): readonly Outcome[] =>
  outcomes.filter(({ label, pages }) => label.benign && pages.length > 0);

/** Its own, and those of the detectors that saw the same. */
function kindsOf({ latest: { kind, also = [] } }: Found): readonly string[] {
  return [kind, ...also.map((other) => other.kind)];
}

function isAbout({ begun, latest, toldAt }: Found, { keyId, ips, from, to }: Label): boolean {
  if (toldAt <= from || toldAt > to + AFTER) return false;
  if (ips.size === 0) return latest.keyId === keyId;
  if (keyId !== null && latest.keyId !== null && latest.keyId !== keyId) return false;
  return [...begun.ips, ...latest.ips].some((ip) => ips.has(ip));
}
