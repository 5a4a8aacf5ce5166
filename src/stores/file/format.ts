import type { Mark, Secret } from '../../model/index.ts';

/** What a file's content says of one destination. */
export type Borne = {
  /** Null where it is missing or empty. */
  readonly value: Secret | null;
  /** Null where there is none, or where the value is another than the one that was marked. */
  readonly mark: Mark | null;
  /** The same would be written in another form now. */
  readonly outdated?: boolean;
};

/**
 * How one destination stands in a file's content, and in its notes (see notes.ts) where the content cannot bear a mark.
 * All are pure: they touch no file, and they throw an EdgeError (permanent) where the content or the value does not lend
 * itself to it. An empty buffer stands for no file.
 */
export type Format = {
  parse(content: Buffer, notes?: Buffer): Borne;
  /** The content with `value` and `mark` in it and all else as it was. */
  render(content: Buffer, value: Secret, mark: Mark, notes?: Buffer): Buffer;
  /**
   * The notes that say whose `value` is, once it stands in the content, and until then whose that is which stands
   * there: they are written first, so that a crash in between leaves no value without its mark. Absent: no notes.
   */
  note?(content: Buffer, value: Secret, mark: Mark, notes?: Buffer): Buffer;
};

export const NOTHING = Buffer.alloc(0);
