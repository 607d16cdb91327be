// Real time: a turn of the event loop, which takes no time.
import { assertEquals, assertRejects } from "@std/assert";
import { ChunkCache, type Loaded } from "../../../storage/log/chunk_cache.ts";

Deno.test("A load is shared by all who ask for it while it goes on", async () => {
  const cache = new ChunkCache(1000);
  const started: (readonly string[])[] = [];
  const { promise, resolve } = Promise.withResolvers<Loaded<string>[]>();
  const ask = () =>
    cache.getMany<string, string>(["a"], (missing) => [missing], (keys) => {
      started.push(keys);
      return promise;
    });
  const asked = [ask(), ask()];
  resolve([{ value: "A", bytes: 1 }]);
  assertEquals(await Promise.all(asked), [["A"], ["A"]]);
  assertEquals(await ask(), ["A"]);
  assertEquals(started, [["a"]]);
});

Deno.test("A load that fails is told to all who wait for it, and left to nobody", async () => {
  const cache = new ChunkCache(1000);
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  const { promise, reject } = Promise.withResolvers<Loaded<string>[]>();
  const ask = () =>
    cache.getMany<string, string>(
      ["a"],
      (missing) => [missing],
      async () => await promise, // a promise of its own, as a read of the store is
    );
  const asked = [ask(), ask()].map((each) => assertRejects(() => each, Error, "unreadable"));
  reject(new Error("unreadable"));
  await Promise.all(asked);
  await new Promise((resolve) => setTimeout(resolve)); // rejections are told in a task of their own
  globalThis.removeEventListener("unhandledrejection", note);
  assertEquals(unhandled, []);
});
