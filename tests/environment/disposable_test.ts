import { assert, assertEquals } from "@std/assert";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { disposable } from "../../environment/disposable.ts";
import { sleep } from "../../environment/sleep.ts";

// Real time: a wrapped real environment is what is tested.
Deno.test("Disposed environment never settles, never fires and tells its peers", async () => {
  const logged: string[] = [];
  const world = denoEnvironment({ log: { write: (_level, message) => void logged.push(message) } });
  const mortal = disposable(world);
  const happened: string[] = [];
  const note = (what: string) => () => void happened.push(what);

  const listener = await mortal.network.listen({ host: "127.0.0.1", port: 0 });
  const [peer, accepted] = await Promise.all([
    world.network.dial(listener.address),
    listener.accept(),
  ]);
  mortal.timers.schedule(1, note("timer"));
  mortal.timers.schedule(1, note("cancelled")).cancel();
  listener.accept().then(note("accept"), note("accept failed"));
  accepted!.read(new Uint8Array(1)).then(note("read"), note("read failed"));
  mortal.network.dial(listener.address).then(note("dial"), note("dial failed"));
  mortal.log.write("info", "before");

  mortal[Symbol.dispose]();
  mortal[Symbol.dispose]();
  mortal.log.write("info", "after");
  mortal.timers.schedule(1, note("late timer"));
  accepted!.write([new Uint8Array(1)]).then(note("write"), note("write failed"));

  assertEquals(await peer.read(new Uint8Array(1)), null);
  await sleep(world, 20);
  peer.close();
  assertEquals(happened, []);
  assertEquals(logged, ["before"]);
});

Deno.test("Environment that is not disposed behaves like its world", async () => {
  const mortal = disposable(denoEnvironment({ log: { write() {} } }));
  let fired = 0;
  mortal.timers.schedule(0, () => fired++);
  const listener = await mortal.network.listen({ host: "127.0.0.1", port: 0 });
  const [client, server] = await Promise.all([
    mortal.network.dial(listener.address),
    listener.accept(),
  ]);
  await client.write([Uint8Array.of(7)]);
  const buffer = new Uint8Array(4);
  assertEquals(await server!.read(buffer), 1);
  assertEquals(buffer[0], 7);
  await sleep(mortal, 5);
  assert(fired === 1);
  [client, server!, listener].forEach((end) => end.close());
});
