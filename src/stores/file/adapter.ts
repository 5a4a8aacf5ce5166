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
import { exclusively } from '../exclusively.ts';
import { dotenv } from './dotenv.ts';
import { type Format, NOTHING } from './format.ts';
import { json } from './json.ts';
import { notesPath } from './notes.ts';
import { raw } from './raw.ts';
import { alteredRights } from './rights.ts';
import type { FileTarget } from './schema.ts';
import { template } from './template.ts';

type Present = Awaited<ReturnType<Files['read']>>;

type Doing = 'reading' | 'writing';

/** A file as it is now, with its notes where its format has some. */
type Opened = { readonly format: Format; readonly present: Present; readonly notes: Present };

const NOTES_MODE = 0o600;

/** For all of an operation, its turn included. Real time, as a hung mount (NFS, FUSE) takes it, in ms. */
const WITHIN = 10_000;

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
 *
 * What a hung file system holds up ends as `timeout` after `withinMs`. It keeps its turn: what comes after it on that
 * path waits, and once its own time is up neither begins nor writes.
 */
export function create(context: PluginContext<null>, withinMs = WITHIN): Store<FileTarget> {
  const { files, hash } = context;
  const inTurn = exclusively();
  const swept = new Set<string>();

  /** One after the other for each path; the first one clears away what a crash has left. */
  const at = <Result>({ file }: FileTarget, doing: Doing, work: (late: AbortSignal) => Promise<Result>) => {
    const late = AbortSignal.timeout(withinMs);
    const result = inTurn(file, async () => {
      late.throwIfAborted();
      if (!swept.has(file)) await sweep(file, context);
      swept.add(file);
      return work(late);
    });
    return unless(late, result, () => timeout(file, doing, withinMs));
  };

  return {
    preflight: (target) =>
      at(target, 'reading', async () => {
        const { format, present, notes } = await open(target, files, hash);
        format.render(present?.content ?? NOTHING, SAMPLE, SAMPLE_MARK, notes?.content);
        await files.probe(target.file, ownership(target));
        if (format.note !== undefined) await files.probe(notesPath(target.file), { mode: NOTES_MODE });
      }),

    readBack: (target) =>
      at(target, 'reading', async () => {
        const opened = await open(target, files, hash);
        return opened.present === null ? null : foundIn(opened, target, hash);
      }),

    publish: (target, value, mark, expected) =>
      at(target, 'writing', async (late) => {
        const opened = await open(target, files, hash);
        const found = foundIn(opened, target, hash);
        const published = isPublished(found, value, mark);
        if (published && opened.present !== null && found.rights === null && !found.outdated) return;
        if (!published && found.revision !== (expected?.revision ?? revisionOf(hash))) throw conflict(target);
        late.throwIfAborted();
        await write(opened, target, value, mark, files);
      }),

    renewLogin: () => Promise.resolve(null),
    tidy: async (targets) => {
      await Promise.all(targets.map((target) => at(target, 'reading', () => Promise.resolve())));
    },
    close: () => Promise.resolve(),
  };
}

/** What `work` comes to, or `failure` once it is late; `work` itself goes on. */
function unless<Result>(late: AbortSignal, work: Promise<Result>, failure: () => EdgeError): Promise<Result> {
  return new Promise((resolve, reject) => {
    late.addEventListener('abort', () => reject(failure()), { once: true });
    work.then(resolve, reject);
  });
}

async function sweep(path: string, { files, log }: PluginContext<null>): Promise<void> {
  for (const each of [path, notesPath(path)]) {
    await files
      .sweep(each)
      .catch((error: unknown) => log.warn({ path: each, error }, 'temporary files were left'));
  }
}

async function open(target: FileTarget, files: Files, hash: Hash): Promise<Opened> {
  // A template may be a link, as Kubernetes mounts what it keeps.
  const source = target.template === undefined ? null : await files.read(target.template, { follow: true });
  const format = formatOf(target, source?.content ?? null, hash);
  const present = await files.read(target.file);
  const notes = format.note === undefined ? null : await files.read(notesPath(target.file));
  return { format, present, notes };
}

/** The place in the file that `target` names. A further format is a file of its own and a line here. */
function formatOf(target: FileTarget, source: Buffer | null, hash: Hash): Format {
  const { file: path, format, variable, field, credential, credentials } = target;
  if (format === 'dotenv' && variable !== undefined) return dotenv({ path, variable }, hash);
  if (format === 'json' && field !== undefined) return json({ path, field }, hash);
  if (format === 'raw') return raw(path, hash);
  if (format === 'template' && target.template !== undefined && credential !== undefined) {
    const place = { path, template: target.template, credential, credentials: credentials ?? [credential] };
    return template(place, source, hash);
  }
  throw new EdgeError({
    code: 'incomplete_target',
    verdict: 'permanent',
    message: `cannot publish to ${path}: which place in it is meant is not said (format ${format})`,
  });
}

/** The notes first: a crash in between leaves a value that they speak of, whichever of the two it is. */
async function write(
  { format, present, notes }: Opened,
  target: FileTarget,
  value: Secret,
  mark: Mark,
  files: Files,
): Promise<void> {
  const before = present?.content ?? NOTHING;
  const content = format.render(before, value, mark, notes?.content);
  const noted = format.note?.(before, value, mark, notes?.content);
  if (noted !== undefined) {
    const options = { mode: NOTES_MODE, expected: notes?.content ?? null };
    await files.replace(notesPath(target.file), noted, options);
  }
  const left = present !== null && content.equals(before) && alteredRights(present, target) === null;
  if (left) return;
  await files.replace(target.file, content, { ...ownership(target), expected: present?.content ?? null });
}

function foundIn(
  { format, present, notes }: Opened,
  target: FileTarget,
  hash: Hash,
): Found & { readonly revision: string } {
  const { value, mark, outdated = false } = format.parse(present?.content ?? NOTHING, notes?.content);
  const rights = present && alteredRights(present, target);
  return { value, mark, revision: revisionOf(hash, value, mark), rights, outdated };
}

function revisionOf(hash: Hash, value: Secret | null = null, mark: Mark | null = null): string {
  return hash.digest(value?.bytes().toString('latin1') ?? '', JSON.stringify(mark));
}

function isPublished(found: Found, value: Secret, mark: Mark): boolean {
  return found.value?.equals(value) === true && isDeepStrictEqual(found.mark, mark);
}

function ownership({ mode, uid, gid }: FileTarget): { mode: number; uid?: number; gid?: number } {
  return { mode, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

function timeout(file: string, doing: Doing, ms: number): EdgeError {
  return new EdgeError({
    code: 'timeout',
    verdict: doing === 'writing' ? 'unknown' : 'retryable',
    message: `${doing} ${file} was not done within ${ms / 1000} s; see whether the file system that it or its template is on still answers (NFS, FUSE)`,
  });
}

function conflict({ file, variable, field, credential }: FileTarget): EdgeError {
  const place = variable ?? field ?? credential;
  return new EdgeError({
    code: 'conflict',
    verdict: 'retryable',
    message: `${place === undefined ? '' : `${place} in `}${file} was changed since it was read; it is read again and tried again`,
  });
}
