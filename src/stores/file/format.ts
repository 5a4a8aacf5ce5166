import type { Mark, Secret } from '../../model/index.ts';

/** What a file's content says of one destination. */
export type Borne = {
  /** Null where it is missing or empty. */
  readonly value: Secret | null;
  /** Null where there is none, or where the value is another than the one that was marked. */
  readonly mark: Mark | null;
};

/**
 * How one destination stands in a file's content. Both are pure: they touch no file, and they throw an EdgeError
 * (permanent) where the content or the value does not lend itself to it.
 */
export type Format = {
  parse(content: Buffer): Borne;
  /** The content with `value` and `mark` in it and all else as it was. An empty buffer stands for no file. */
  render(content: Buffer, value: Secret, mark: Mark): Buffer;
};
