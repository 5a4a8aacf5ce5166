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
import { type Format, NOTHING } from './format.ts';
import { json } from './json.ts';
import { notesPath } from './notes.ts';
import { raw } from './raw.ts';
import { alteredRights } from './rights.ts';
import type { FileTarget } from './schema.ts';
import { template } from './template.ts';

type Present = Awaited<ReturnType<Files['read']>>;

/** A file as it is now, with its notes where its format has some. */
type Opened = { readonly format: Format; readonly present: Present; readonly notes: Present };

const NOTES_MODE = 0o600;

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
  const { files, hash } = context;
  const inTurn = exclusively();
  const swept = new Set<string>();

  /** One after the other for each path; the first one clears away what a crash has left. */
  const at = <Result>({ file }: FileTarget, work: () => Promise<Result>) =>
    inTurn(file, async () => {
      if (!swept.has(file)) await sweep(file, context);
      swept.add(file);
      return work();
    });

  return {
    preflight: (target) =>
      at(target, async () => {
        const { format, present, notes } = await open(target, files, hash);
        format.render(present?.content ?? NOTHING, SAMPLE, SAMPLE_MARK, notes?.content);
        await files.probe(target.file, ownership(target));
        if (format.note !== undefined) await files.probe(notesPath(target.file), { mode: NOTES_MODE });
      }),

    readBack: (target) =>
      at(target, async () => {
        const opened = await open(target, files, hash);
        return opened.present === null ? null : foundIn(opened, target, hash);
      }),

    publish: (target, value, mark, expected) =>
      at(target, async () => {
        const opened = await open(target, files, hash);
        const found = foundIn(opened, target, hash);
        const published = isPublished(found, value, mark);
        if (published && opened.present !== null && found.rights === null && !found.outdated) return;
        if (!published && found.revision !== (expected?.revision ?? revisionOf(hash))) throw conflict(target);
        await write(opened, target, value, mark, files);
      }),

    renewLogin: () => Promise.resolve(null),
    tidy: async (targets) => {
      await Promise.all(targets.map((target) => at(target, () => Promise.resolve())));
    },
    close: () => Promise.resolve(),
  };
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

function conflict({ file, variable, field, credential }: FileTarget): EdgeError {
  const place = variable ?? field ?? credential;
  return new EdgeError({
    code: 'conflict',
    verdict: 'retryable',
    message: `${place === undefined ? '' : `${place} in `}${file} was changed since it was read; it is read again and tried again`,
  });
}
