import { isDeepStrictEqual } from 'node:util';
import {
  EdgeError,
  type Files,
  type Hash,
  type Mark,
  type PluginContext,
  Secret,
} from '../../model/index.ts';
import type { Found, Store } from '../contract.ts';
import { dotenv } from './dotenv.ts';
import { exclusively } from './exclusively.ts';
import type { Format } from './format.ts';
import type { FileTarget } from './schema.ts';

type Present = Awaited<ReturnType<Files['read']>>;

const EMPTY = Buffer.alloc(0);

/** Of the form that any format takes: what preflight renders in memory to learn whether the file lends itself to it. */
const SAMPLE = Secret.from('sample');
const SAMPLE_MARK: Mark = {
  installation: 'sample',
  credential: 'sample',
  number: 1,
  versionId: 'sample',
  keyId: null,
  createdAt: 0,
};

/**
 * The store behind `file:` destinations. One destination is one place in a file, which others may share: all work on one
 * path is done in turn, and a write by another program in between is a `conflict`.
 *
 * A revision covers what the destination itself holds, value and mark: a change elsewhere in the file is no
 * conflict, since every write builds on the file as it is at that moment.
 */
export function create(context: PluginContext<null>): Store<FileTarget> {
  const { files, hash, log } = context;
  const inTurn = exclusively();
  const swept = new Set<string>();

  /** One after the other for each path; the first one clears away what a crash has left. */
  const at = <Result>(path: string, work: () => Promise<Result>) =>
    inTurn(path, async () => {
      if (!swept.has(path)) {
        await files
          .sweep(path)
          .catch((error: unknown) => log.warn({ path, error }, 'temporary files were left'));
        swept.add(path);
      }
      return work();
    });

  return {
    preflight: (target) =>
      at(target.file, async () => {
        const present = await files.read(target.file);
        formatOf(target, hash).render(present?.content ?? EMPTY, SAMPLE, SAMPLE_MARK);
        await files.probe(target.file, ownership(target));
      }),

    readBack: (target) =>
      at(target.file, async () => {
        const present = await files.read(target.file);
        return present === null ? null : foundIn(present, target, hash);
      }),

    publish: (target, value, mark, expected) =>
      at(target.file, async () => {
        const present = await files.read(target.file);
        const found = foundIn(present, target, hash);
        if (isPublished(found, value, mark) && isOwned(present, target)) return;
        if (!isPublished(found, value, mark) && found.revision !== (expected?.revision ?? revisionOf(hash))) {
          throw conflict(target);
        }
        const content = formatOf(target, hash).render(present?.content ?? EMPTY, value, mark);
        await files.replace(target.file, content, {
          ...ownership(target),
          expected: present?.content ?? null,
        });
      }),

    renewLogin: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  };
}

/** The place in the file that `target` names. A further format is a file of its own and a line here. */
function formatOf(target: FileTarget, hash: Hash): Format {
  if (target.format === 'dotenv' && target.variable !== undefined)
    return dotenv({ path: target.file, variable: target.variable }, hash);
  throw new EdgeError({
    code: 'unsupported_format',
    verdict: 'permanent',
    message: `cannot publish to ${target.file}: not yet supported: format ${target.format}; use dotenv with a variable`,
  });
}

function foundIn(present: Present, target: FileTarget, hash: Hash): Found & { readonly revision: string } {
  const { value, mark } = formatOf(target, hash).parse(present?.content ?? EMPTY);
  return { value, mark, revision: revisionOf(hash, value, mark) };
}

function revisionOf(hash: Hash, value: Secret | null = null, mark: Mark | null = null): string {
  return hash.digest(value?.reveal() ?? '', JSON.stringify(mark));
}

function isPublished(found: Found, value: Secret, mark: Mark): boolean {
  return found.value?.equals(value) === true && isDeepStrictEqual(found.mark, mark);
}

function isOwned(present: Present, target: FileTarget): boolean {
  return (
    present !== null &&
    present.mode === target.mode &&
    present.uid === (target.uid ?? present.uid) &&
    present.gid === (target.gid ?? present.gid)
  );
}

function ownership({ mode, uid, gid }: FileTarget): { mode: number; uid?: number; gid?: number } {
  return { mode, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

function conflict(target: FileTarget): EdgeError {
  return new EdgeError({
    code: 'conflict',
    verdict: 'retryable',
    message: `${target.variable} in ${target.file} was changed since it was read; it is read again and tried again`,
  });
}
