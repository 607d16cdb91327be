import type { ByteStream, Environment, Listener, Timer } from "./environment.ts";
import { Lifetime } from "./lifetime.ts";

/** An environment that can be ended, and everything that runs on it with it. */
export interface DisposableEnvironment extends Environment, Disposable {
  /** For what belongs to this environment and is not part of it, such as its store. */
  readonly lifetime: Lifetime;
}

/**
 * The same world with an end: once disposed, its timers never fire, its pending reads, writes, accepts and dials never
 * settle, its log is silent, and its connections and ports are closed. To the code that runs on it, the process was
 * killed; to its peers too.
 */
export function disposable(world: Environment): DisposableEnvironment {
  const lifetime = new Lifetime();
  return {
    lifetime,
    clock: world.clock,
    random: world.random,
    timers: { schedule: (delayMs, callback) => mortalTimer(world, lifetime, delayMs, callback) },
    network: {
      listen: (address) => {
        const listening = world.network.listen(address).then((listener) =>
          mortalListener(listener, lifetime)
        );
        return lifetime.guard(listening);
      },
      dial: (address) => {
        const dialled = world.network.dial(address).then((stream) =>
          mortalStream(stream, lifetime)
        );
        return lifetime.guard(dialled);
      },
    },
    log: {
      write: (level, message, fields) => {
        if (!lifetime.ended) world.log.write(level, message, fields);
      },
    },
    [Symbol.dispose]: () => lifetime.end(),
  };
}

function mortalTimer(
  world: Environment,
  lifetime: Lifetime,
  delayMs: number,
  callback: () => void,
): Timer {
  if (lifetime.ended) return { cancel() {} };
  const timer = world.timers.schedule(delayMs, () => {
    forget();
    callback();
  });
  const forget = lifetime.onEnd(() => timer.cancel());
  return {
    cancel() {
      forget();
      timer.cancel();
    },
  };
}

function mortalListener(listener: Listener, lifetime: Lifetime): Listener {
  const forget = lifetime.onEnd(() => listener.close());
  return {
    address: listener.address,
    accept: () =>
      lifetime.guard(
        listener.accept().then((stream) => stream && mortalStream(stream, lifetime)),
      ),
    close() {
      forget();
      listener.close();
    },
  };
}

/** A connection that ends with `lifetime`, for connections that came from elsewhere too (an in-process pipe). */
export function mortalStream(stream: ByteStream, lifetime: Lifetime): ByteStream {
  const forget = lifetime.onEnd(() => stream.close());
  return {
    local: stream.local,
    remote: stream.remote,
    read: (buffer) => lifetime.guard(stream.read(buffer)),
    write: (chunks) => lifetime.guard(stream.write(chunks)),
    close() {
      forget();
      stream.close();
    },
  };
}
