/**
 * The fields of a message: what can be declared, and the TypeScript types that follow from it.
 *
 * A field says only what is not the rule. Without `versions` it is there in every version of what holds it, without
 * `nullable` it is never null, without `tag` it is not a tagged field (KIP-482).
 *
 * @module
 */
import type { Versions } from "./versions.ts";

/** What a string or number names; informative, for tools and documentation. */
export type EntityType =
  | "brokerId"
  | "groupId"
  | "producerId"
  | "topicName"
  | "transactionalId";

/** TypeScript type of each wire type. */
export interface ScalarTypes {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  int64: bigint;
  float64: number;
  string: string;
  /** 22 characters of base64url. */
  uuid: string;
  bytes: Uint8Array;
  /** Record batches: decoding gives one view (none when empty), encoding takes any number of slices. */
  records: readonly Uint8Array[];
}

/** A wire type that holds no other. */
export type ScalarKind = keyof ScalarTypes;

/** An unknown tagged field, kept so that the message can be passed on. */
export interface UnknownTag {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** What can be said of any field. */
export interface FieldOptions<Default = unknown> {
  /** The versions that have the field, when not all that its parent is in. */
  readonly versions?: Versions;
  /** `true`, or the versions in which the field may be null. */
  readonly nullable?: true | Versions;
  /** Number of the tagged field; it is tagged in all its versions. */
  readonly tag?: number;
  /** Value of the field where it is absent; without it: 0, `""`, false, empty, the zero uuid. */
  readonly default?: Default | null;
  /** Whether a value may be dropped when it is written to a version that lacks the field. */
  readonly ignorable?: true;
  /** Unique in its array. Has no effect on the bytes. */
  readonly mapKey?: true;
  /** What the value names. */
  readonly entity?: EntityType;
  /** `"none"`: the length stays an int16 in flexible versions too. Only the client id of the request header. */
  readonly flexible?: "none";
}

/** What can be said of an array of scalars. */
export interface ArrayOptions extends FieldOptions<readonly never[]> {
  /** The type of its elements. */
  readonly of: ScalarKind;
}

/** What can be said of a struct or an array of structs. */
export interface StructOptions extends FieldOptions<never> {
  /** In the order of the wire. */
  readonly fields: Fields;
}

declare const types: unique symbol;

/** A field of a message. The type parameters exist for the compiler only. */
export interface Field<
  Decoded = unknown,
  Draft = unknown,
  Optional extends boolean = boolean,
> extends FieldOptions {
  /** Its type on the wire; `"structs"` is an array of structs. */
  readonly kind: ScalarKind | "array" | "struct" | "structs";
  /** Of an array: its elements. */
  readonly of?: ScalarKind;
  /** Of a struct or an array of structs, in the order of the wire. */
  readonly fields?: Fields;
  readonly [types]?: {
    readonly decoded: Decoded;
    readonly draft: Draft;
    readonly optional: Optional;
  };
}

/** The fields of a struct, in the order of the wire. */
export type Fields = Readonly<Record<string, Field>>;

type Types<F extends Field> = NonNullable<F[typeof types]>;

/** The decoded form of a struct: every field is there. */
export type InferFields<F extends Fields> =
  & { readonly [K in keyof F]: Types<F[K]>["decoded"] }
  & { readonly unknownTags?: readonly UnknownTag[] };

type OptionalKeys<F extends Fields> = {
  [K in keyof F]: Types<F[K]>["optional"] extends true ? K : never;
}[keyof F];

/** What is needed to encode a struct. */
export type DraftFields<F extends Fields> =
  & { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Types<F[K]>["draft"] }
  & { readonly [K in OptionalKeys<F>]?: Types<F[K]>["draft"] }
  & { readonly unknownTags?: readonly UnknownTag[] };

type OrNull<T, O> = O extends { readonly nullable: unknown } ? T | null : T;

type Optional<O> = O extends
  | { readonly versions: unknown }
  | { readonly tag: unknown }
  | { readonly ignorable: unknown }
  | { readonly default: unknown } ? true
  : false;

type Scalar<T, O> = Field<OrNull<T, O>, OrNull<T, O>, Optional<O>>;

/** Declares fields of one scalar type. */
type Declare<T> = <const O extends FieldOptions<T> = Record<never, never>>(
  options?: O,
) => Scalar<T, O>;

function scalar<K extends ScalarKind>(kind: K): Declare<ScalarTypes[K]> {
  return (options) => ({ ...options, kind });
}

/** A boolean: one byte. */
export const bool: Declare<boolean> = scalar("bool");
/** A signed integer of 1 byte. */
export const int8: Declare<number> = scalar("int8");
/** A signed integer of 2 bytes. */
export const int16: Declare<number> = scalar("int16");
/** An unsigned integer of 2 bytes. */
export const uint16: Declare<number> = scalar("uint16");
/** A signed integer of 4 bytes. */
export const int32: Declare<number> = scalar("int32");
/** An unsigned integer of 4 bytes. */
export const uint32: Declare<number> = scalar("uint32");
/** A signed integer of 8 bytes, a bigint. */
export const int64: Declare<bigint> = scalar("int64");
/** A double. */
export const float64: Declare<number> = scalar("float64");
/** A string of at most 32 767 bytes of UTF-8. */
export const string: Declare<string> = scalar("string");
/** A uuid, in text 22 characters of base64url. */
export const uuid: Declare<string> = scalar("uuid");
/** Bytes behind their length. */
export const bytes: Declare<Uint8Array> = scalar("bytes");
/** Record batches behind their length. */
export const records: Declare<readonly Uint8Array[]> = scalar("records");

/** An array of scalars. */
export function array<const O extends ArrayOptions>(
  options: O,
): Scalar<readonly ScalarTypes[O["of"]][], O> {
  return { ...options, kind: "array" };
}

/** An array of structs. */
export function structs<const O extends StructOptions>(
  options: O,
): Field<
  OrNull<readonly InferFields<O["fields"]>[], O>,
  OrNull<readonly DraftFields<O["fields"]>[], O>,
  Optional<O>
> {
  return { ...options, kind: "structs" };
}

/** One struct. */
export function struct<const O extends StructOptions>(
  options: O,
): Field<
  OrNull<InferFields<O["fields"]>, O>,
  OrNull<DraftFields<O["fields"]>, O>,
  Optional<O>
> {
  return { ...options, kind: "struct" };
}
