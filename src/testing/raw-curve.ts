/** Arithmetic on the four curves of the raw signer, in Jacobian coordinates. Slow and not constant in time: for emulated test keys only. */
import type { EcCurve } from "../algorithms.js";
import { modInverse, modulo } from "./raw-number.js";

/** y² = x³ + ax + b over a prime field, with a base point of prime order. */
export interface Curve {
  readonly p: bigint;
  readonly a: bigint;
  readonly order: bigint;
  readonly base: Point;
}

/** (X/Z², Y/Z³); Z = 0 is the point at infinity. Coordinates may be negative, they count modulo p. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const INFINITY: Point = { x: 1n, y: 1n, z: 0n };

function curve(p: string, a: string, order: string, x: string, y: string): Curve {
  return { p: BigInt(p), a: BigInt(a), order: BigInt(order), base: { x: BigInt(x), y: BigInt(y), z: 1n } };
}

/** SP 800-186 section 3.2.1 for the NIST curves, SEC 2 section 2.4.1 for secp256k1. */
export const CURVES: Readonly<Record<EcCurve, Curve>> = {
  "P-256": curve(
    "0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "-3",
    "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
  ),
  "P-384": curve(
    "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    "-3",
    "0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    "0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
  ),
  "P-521": curve(
    "0x01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "-3",
    "0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    "0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
    "0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
  ),
  secp256k1: curve(
    "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    "0",
    "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
  ),
};

/** 2P: the formula "dbl-2007-bl" of the Explicit-Formulas Database, for any a. */
function double({ p, a }: Curve, { x, y, z }: Point): Point {
  const yy = (y * y) % p;
  const zz = (z * z) % p;
  const s = (4n * x * yy) % p;
  const m = (3n * x * x + a * ((zz * zz) % p)) % p;
  const doubledX = (m * m - 2n * s) % p;
  return { x: doubledX, y: (m * (s - doubledX) - 8n * ((yy * yy) % p)) % p, z: (2n * y * z) % p };
}

/** P + Q, whichever they are: "add-1998-cmo-2" of the Explicit-Formulas Database. */
export function addPoints(on: Curve, first: Point, second: Point): Point {
  if (first.z === 0n) return second;
  if (second.z === 0n) return first;
  const { p } = on;
  const zz1 = (first.z * first.z) % p;
  const zz2 = (second.z * second.z) % p;
  const u1 = (first.x * zz2) % p;
  const s1 = (first.y * ((zz2 * second.z) % p)) % p;
  const h = (second.x * zz1 - u1) % p;
  const r = (second.y * ((zz1 * first.z) % p) - s1) % p;
  if (h === 0n) return r === 0n ? double(on, first) : INFINITY;
  const hh = (h * h) % p;
  const hhh = (h * hh) % p;
  const v = (u1 * hh) % p;
  const x = (r * r - hhh - 2n * v) % p;
  return { x, y: (r * (v - x) - s1 * hhh) % p, z: (((first.z * second.z) % p) * h) % p };
}

/** kP, four bits at a time. */
export function multiplyPoint(on: Curve, point: Point, factor: bigint): Point {
  const multiples = multiplesOf(on, point);
  let sum = INFINITY;
  for (const digit of factor.toString(16)) {
    for (let twice = 0; twice < 4; twice += 1) sum = double(on, sum);
    sum = addPoints(on, sum, multiples[Number.parseInt(digit, 16)] as Point);
  }
  return sum;
}

/** kG by a table of the base point's multiples, made at the first use: a fifth of the time of {@link multiplyPoint}. */
export function multiplyBase(on: Curve, factor: bigint): Point {
  const table = baseTable(on);
  const digits = factor.toString(16);
  let sum = INFINITY;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number.parseInt(digits[digits.length - 1 - place] as string, 16);
    sum = addPoints(on, sum, (table[place] as Point[])[digit] as Point);
  }
  return sum;
}

const BASE_TABLES = new WeakMap<Curve, Point[][]>();

/** The entry [i][d] is d · 16^i · G. */
function baseTable(on: Curve): Point[][] {
  let table = BASE_TABLES.get(on);
  if (table === undefined) {
    table = [];
    let step = on.base;
    for (let place = 0; place < on.order.toString(16).length; place += 1) {
      const row = multiplesOf(on, step);
      table.push(row);
      step = addPoints(on, row[15] as Point, step);
    }
    BASE_TABLES.set(on, table);
  }
  return table;
}

/** 0P, 1P … 15P. */
function multiplesOf(on: Curve, point: Point): Point[] {
  const multiples = [INFINITY, point];
  while (multiples.length < 16) multiples.push(addPoints(on, multiples.at(-1) as Point, point));
  return multiples;
}

/** The usual coordinates, or undefined for the point at infinity. */
export function toAffine({ p }: Curve, { x, y, z }: Point): { x: bigint; y: bigint } | undefined {
  if (modulo(z, p) === 0n) return undefined;
  const inverse = modInverse(z, p);
  const square = (inverse * inverse) % p;
  return { x: modulo(x * square, p), y: modulo(y * ((square * inverse) % p), p) };
}
