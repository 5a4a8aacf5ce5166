import type { Finding, Severity } from '../../model/index.ts';

/** From light to grave. */
const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical'];

/** Whether somebody is disturbed by it: info is for the record. */
export const isPage = ({ severity }: { readonly severity: Severity }): boolean => severity !== 'info';

/** One finding from its beginning to its end. */
export type Found = {
  /** As it was first told. */
  readonly begun: Finding;
  /** The poll that first told it. */
  readonly toldAt: number;
  /** As it was told last. */
  latest: Finding;
  /** The gravest it was. */
  severity: Severity;
};

/** What a watch tells, a finding being one however often it is told. */
export class Findings {
  readonly #open = new Map<string, Found>();
  readonly #all: Found[] = [];

  /** @param over only what is open is followed: nothing begins any more */
  add(finding: Finding, toldAt: number, over: boolean): void {
    const identity = `${finding.kind} ${finding.condition}`;
    const found = this.#open.get(identity);
    if (finding.ended === true) this.#open.delete(identity);
    if (found !== undefined) {
      found.latest = finding;
      found.severity = graver(found.severity, finding.severity);
    } else if (finding.ended !== true && !over) {
      const fresh = { begun: finding, toldAt, latest: finding, severity: finding.severity };
      this.#open.set(identity, fresh);
      this.#all.push(fresh);
    }
  }

  /** In the order of the events that decided them. */
  all(): readonly Found[] {
    return this.#all.toSorted((a, b) => a.begun.at - b.begun.at);
  }
}

/** Whether `severity` is at least `least`. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

function graver(a: Severity, b: Severity): Severity {
  return isAtLeast(a, b) ? a : b;
}

/** How many there are of each kind, the most first. */
export function byKind(found: readonly Found[]): ReadonlyArray<readonly [kind: string, count: number]> {
  const counts = new Map<string, number>();
  for (const { latest } of found) counts.set(latest.kind, (counts.get(latest.kind) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
