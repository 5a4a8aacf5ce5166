import type { Transform } from 'node:stream';

/** What a {@link Body} tells while it fills. */
export type BodyEvents = {
  /** All is there. */
  done(body: Buffer): void;
  /** More than the cap, counted after decompression. */
  tooLarge(): void;
  /** The bytes are not what Content-Encoding says, end early, or come in an encoding that was not asked for. */
  undecodable(): void;
  /** After a `write` that returned false: go on. */
  drained(): void;
};

/**
 * Takes in a response's body, decompresses it as it comes and keeps at most `maxBytes` of the outcome,
 * so that a small body that unfolds into a huge one ends at the cap and not in memory.
 */
export class Body {
  readonly #encoding: string;
  readonly #maxBytes: number;
  readonly #events: BodyEvents;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #decoder: Transform | null = null;
  #over = false;

  constructor(encoding: string, maxBytes: number, events: BodyEvents) {
    this.#encoding = encoding.trim().toLowerCase();
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** False where the caller must wait for `drained`. */
  write(chunk: Buffer): boolean {
    if (this.#over || chunk.length === 0) return true;
    if (this.#encoding === '' || this.#encoding === 'identity') {
      this.#keep(chunk);
      return true;
    }
    this.#decoder ??= this.#open(chunk);
    return this.#decoder === null ? true : this.#decoder.write(chunk);
  }

  /** The last byte has been written. */
  end(): void {
    if (this.#over) return;
    if (this.#decoder === null) this.#finish();
    else this.#decoder.end();
  }

  /** Lets go of everything; no event follows. */
  destroy(): void {
    this.#over = true;
    this.#chunks.length = 0;
    this.#decoder?.destroy();
  }

  #open(first: Buffer): Transform | null {
    const decoder = decoderFor(this.#encoding, first);
    if (decoder === null) {
      this.#events.undecodable();
      return null;
    }
    decoder.on('data', (chunk: Buffer) => this.#keep(chunk));
    decoder.on('drain', () => this.#over || this.#events.drained());
    decoder.on('end', () => this.#finish());
    decoder.on('error', () => this.#over || this.#events.undecodable());
    return decoder;
  }

  #keep(chunk: Buffer): void {
    if (this.#over) return;
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) this.#events.tooLarge();
    else this.#chunks.push(chunk);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.done(Buffer.concat(this.#chunks, this.#size));
  }
}

/** What {@link Body} can undo: sent as Accept-Encoding. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** zlib is fetched with the first answer that is compressed. */
function decoderFor(encoding: string, first: Buffer): Transform | null {
  const zlib = process.getBuiltinModule('node:zlib');
  if (encoding === 'gzip' || encoding === 'x-gzip') return zlib.createGunzip();
  if (encoding === 'br') return zlib.createBrotliDecompress();
  if (encoding !== 'deflate') return null;
  // "deflate" means zlib's format (RFC 9110, 8.4.1.2), yet some servers send it bare; zlib's first byte tells.
  return ((first[0] ?? 0) & 0x0f) === 0x08 ? zlib.createInflate() : zlib.createInflateRaw();
}
