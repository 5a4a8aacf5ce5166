import type { AuditEntry } from '../model/index.ts';
import { DAY } from '../model/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { State } from '../state/contract.ts';
import { APPLICATION_FILE, about } from './configuration.ts';
import type { Screen } from './screen.ts';

export type StoryParts = {
  readonly screen: Screen;
  readonly state: State;
  readonly sandbox: Sandbox;
  readonly directory: string;
};

/** Tells the rotations from the audit log, step by step. */
export class Story {
  readonly #parts: StoryParts;
  /** The current key of each credential. */
  readonly #current = new Map<string, string>();

  constructor(parts: StoryParts) {
    this.#parts = parts;
  }

  async tell({ at, action, credential, actor, detail }: AuditEntry): Promise<void> {
    const { screen } = this.#parts;
    const name = credential ?? '';
    const keyId = String(detail.keyId ?? '');
    const line = (label: string, text: string) => screen.tell(at, label, about(name, text));
    switch (action) {
      case 'version.adopted':
        this.#current.set(name, keyId);
        return line('adopted', `${keyId} works; found in ${APPLICATION_FILE}, ${this.#age(keyId, at)} old`);
      case 'rotation.requested':
        return line('rotation', `asked for by ${actor}`);
      case 'rotation.minting':
        return screen.tell(at, 'rotation', about(name, `begins: ${this.#aging(name, at)}`), 'cyan');
      case 'version.minted':
        return line('  minted', `${keyId} by FrameFlow, sealed in the state`);
      case 'version.current':
        this.#current.set(name, keyId);
        return line('  verified', `FrameFlow accepts ${keyId}`);
      case 'version.published':
        return line('  published', `${this.#place(String(detail.destination))} has ${keyId}`);
      case 'rotation.overlap':
      case 'rotation.completed':
        return this.#tellOverlap(at, action, String(detail.rotation));
      case 'rotation.failed':
      case 'rotation.attention':
      case 'rotation.superseded':
        return screen.tell(at, 'rotation', about(name, action.slice('rotation.'.length)), 'red');
    }
  }

  async #tellOverlap(at: number, action: string, id: string): Promise<void> {
    const { screen, state } = this.#parts;
    const rotation = await state.rotation(id);
    const snapshot = rotation && (await state.credential(rotation.credential));
    if (!rotation || !snapshot) return;
    const keyOf = (versionId: string | null) =>
      snapshot.versions.find((version) => version.id === versionId)?.keyId ?? 'the key before';
    const before = keyOf(rotation.previousVersionId);
    const after = keyOf(rotation.newVersionId);
    if (action === 'rotation.completed') {
      const text = about(rotation.credential, `${before} has ended, ${after} is in use`);
      return screen.tell(at, 'completed', text, 'green');
    }
    const end = rotation.overlapEndsAt ?? at;
    const text = `${before} and ${after} both work until ${screen.moment(end)}`;
    screen.tell(at, '  overlap', about(rotation.credential, text), 'yellow');
  }

  #aging(name: string, at: number): string {
    const keyId = this.#current.get(name) ?? '';
    return `${keyId} is ${this.#age(keyId, at)} old`;
  }

  #age(keyId: string, at: number): string {
    const key = this.#parts.sandbox.frameflow.keys().find(({ id }) => id === keyId);
    const days = key === undefined ? 0 : Math.round((at - key.createdAt) / DAY);
    return days === 1 ? '1 day' : `${days} days`;
  }

  /** `file:/tmp/…/app/.env#NAME` as the viewer knows it. */
  #place(destination: string): string {
    return destination.replace(`file:${this.#parts.directory}/`, '').replace(/#.*$/, '');
  }
}
