/** What went wrong on the network. */
export type NetworkErrorKind =
  /** Nobody listens there. */
  | "refused"
  /** The connection broke: the peer is gone or sent a reset. */
  | "reset"
  /** This side has closed the connection, or the listener's environment. */
  | "closed"
  /** The address to listen on is taken. */
  | "addressInUse"
  /** The address to listen on is not of this machine. */
  | "addressNotAvailable"
  /** The host is unknown or cannot be reached. */
  | "unreachable"
  /** Not allowed: no permission, or a privileged port. */
  | "forbidden"
  /** Anything else; see `cause`. */
  | "other";

/** An error of listening, dialling, reading or writing, the same whatever the environment behind it. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  constructor(readonly kind: NetworkErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
