import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../model/index.ts';
import { type Bin, blur, packBins, unpackBins } from './bins.ts';
import {
  atLevel,
  levelOf,
  pack,
  packLevels,
  packSingles,
  unpack,
  unpackLevels,
  unpackSingles,
} from './codec.ts';

describe('whole numbers', () => {
  const numbers = [0, 1, 79, 80, 81, 170, 171, 989, 990, 991, 12_345, 29_873_000, 91 ** 4 - 1];

  it('come back as they were, small ones from one character', () => {
    expect(unpack(pack(numbers))).toEqual(numbers);
    const all = Array.from({ length: 1_200 }, (_, value) => value);
    expect(unpack(pack(all))).toEqual(all);
    expect(pack(all.slice(0, 80))).toHaveLength(80);
    expect(pack(all.slice(80, 990))).toHaveLength(2 * 910);
  });

  it('stand in JSON as they are', () => {
    const packed = pack(Array.from({ length: 1_200 }, (_, value) => value));
    expect(JSON.stringify(packed)).toHaveLength(packed.length + 2);
  });

  it('are refused where the text is cut off or holds what was never written', () => {
    expect(() => unpack(pack([5_000]).slice(0, 3))).toThrow(TypeError);
    expect(() => unpack('a\\b')).toThrow(TypeError);
    expect(() => unpack('a"b')).toThrow(TypeError);
    expect(() => unpack('é')).toThrow(TypeError);
  });
});

describe('levels', () => {
  it('are within a fifth of a percent of what they stand for', () => {
    expect(atLevel(levelOf(0))).toBe(0);
    for (let value = 2e-5; value < 9e6; value *= 1.37) {
      expect(Math.abs(atLevel(levelOf(value)) / value - 1)).toBeLessThan(0.002);
    }
  });

  it('take two characters each and come back as they were', () => {
    const levels = Uint16Array.from({ length: 8_281 }, (_, level) => level);
    const packed = packLevels(levels);
    expect(packed).toHaveLength(2 * levels.length);
    expect(unpackLevels(packed, levels.length)).toEqual(levels);
    expect(() => unpackLevels(packed, 3)).toThrow(TypeError);
  });

  it('take two characters for noughts in a row', () => {
    const levels = new Uint16Array(200);
    levels[150] = 7;
    const packed = packLevels(levels);
    expect(packed).toHaveLength(8);
    expect(unpackLevels(packed, 200)).toEqual(levels);
    expect(() => unpackLevels(packed, 199)).toThrow(TypeError);
    expect(() => unpackLevels(packed.slice(0, -1), 200)).toThrow(TypeError);
  });
});

describe('numbers of single precision', () => {
  const values = [0, 1, 0.1, 594.466309, 1e-30, 3.4e38, 177.421127].map(Math.fround);

  it('come back as they were, a nought from one character and the others from five', () => {
    const packed = packSingles(values);
    expect(packed).toHaveLength(1 + 6 * 5);
    expect(unpackSingles(packed, values.length)).toEqual(values);
    expect(JSON.stringify(packed)).toHaveLength(packed.length + 2);
  });

  it('are refused where the text is cut off or holds what was never written', () => {
    const packed = packSingles(values);
    for (const damaged of [packed.slice(0, -1), packed.slice(0, -5), `${packed}!`, packed.replace('!', '"')])
      expect(() => unpackSingles(damaged, values.length)).toThrow(TypeError);
    expect(() => unpackSingles(packSingles([Number.POSITIVE_INFINITY]), 1)).toThrow(TypeError);
  });
});

describe('bins', () => {
  const bin = (minute: number, over: Partial<Bin> = {}): Bin => {
    const made: Bin = { minute, counts: [0, 3], fires: [0, 0], fired: false, from: 0, to: 0, ...over };
    if (over.from === undefined) blur(made);
    return made;
  };

  it('come back as they were, one that is ordinary from one character', () => {
    const start = 29_873_000;
    const from = (start + 4) * MINUTE + 7 * SECOND;
    const bins = [
      bin(start),
      bin(start + 1, { counts: [4, 0] }),
      bin(start + 4, { counts: [2, 700], fires: [1, 5], fired: true, from, to: from + 31 * SECOND }),
      bin(start + 700, { counts: [0, 1], from: (start + 700) * MINUTE, to: (start + 700) * MINUTE }),
    ];
    expect(unpackBins(packBins(bins))).toEqual(bins);
    expect(unpackBins(packBins([]))).toEqual([]);
    const busy = Array.from({ length: 780 }, (_, index) => bin(start + index));
    expect(packBins(busy).length).toBeLessThan(790);
    expect(() => unpackBins(packBins(bins).slice(0, -1))).toThrow(TypeError);
  });
});
