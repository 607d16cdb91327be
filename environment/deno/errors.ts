import { NetworkError, type NetworkErrorKind } from "../network_error.ts";

const KINDS: readonly (readonly [new (...args: never[]) => Error, NetworkErrorKind])[] = [
  [Deno.errors.ConnectionRefused, "refused"],
  [Deno.errors.ConnectionReset, "reset"],
  [Deno.errors.ConnectionAborted, "reset"],
  [Deno.errors.BrokenPipe, "reset"],
  [Deno.errors.NotConnected, "reset"],
  [Deno.errors.TimedOut, "reset"],
  [Deno.errors.UnexpectedEof, "reset"],
  [Deno.errors.AddrInUse, "addressInUse"],
  [Deno.errors.AddrNotAvailable, "addressNotAvailable"],
  [Deno.errors.NetworkUnreachable, "unreachable"],
  [Deno.errors.NotFound, "unreachable"],
  [Deno.errors.PermissionDenied, "forbidden"],
  [Deno.errors.NotCapable, "forbidden"],
  [Deno.errors.BadResource, "closed"],
  [Deno.errors.Interrupted, "closed"],
];

/** What Deno threw, told in this project's terms: `Cannot …: reason`. */
export function networkError(what: string, cause: unknown): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetworkError(kindOf(cause), `${what}: ${reason.replace(/ \(os error \d+\)$/, "")}`, {
    cause,
  });
}

function kindOf(cause: unknown): NetworkErrorKind {
  for (const [type, kind] of KINDS) if (cause instanceof type) return kind;
  // a failed look-up of a name is a plain Error in Deno
  if (cause instanceof Error && cause.message.includes("lookup address")) return "unreachable";
  return "other";
}
