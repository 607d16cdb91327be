// Real time: the locks are SQLite's, and whoever has one keeps it for as long as it likes.
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { key } from "../../../storage/kv/key.ts";
import { openDenoFolder } from "../../../storage/kv/deno/deno_folder.ts";
import { outcomeOfError } from "../../../storage/kv/deno/outcome.ts";

Deno.test("Commit outcome is refused for errors after which nothing was applied", () => {
  for (
    const message of [
      "database is locked",
      "database or disk is full",
      "attempt to write a readonly database",
      "Bad resource ID",
    ]
  ) {
    assertEquals(outcomeOfError(new TypeError(message)).kind, "refused", message);
  }
});

Deno.test("Commit outcome is unknown for every other error", () => {
  for (const message of ["disk I/O error", "database disk image is malformed", "", "timed out"]) {
    const outcome = outcomeOfError(new TypeError(message));
    assert(outcome.kind === "unknown");
    assertEquals(outcome.error.message, message);
  }
  assertEquals(outcomeOfError("text").kind, "unknown");
});

/** A store whose file another connection keeps locked until it is told to let go. */
async function lockedStore() {
  const path = await Deno.makeTempDir({ prefix: "odradek-kv-" });
  const folder = await openDenoFolder(path);
  const kv = await folder.open("meta");
  const other = new DatabaseSync(`${path}/meta.kv`);
  other.exec("pragma busy_timeout = 5000"); // Deno KV has it for a moment itself
  other.exec("begin immediate");
  return {
    kv,
    unlock() {
      other.exec("rollback");
      other.close();
    },
    async [Symbol.asyncDispose]() {
      await folder.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}

Deno.test("Commit to a file that another connection keeps locked is refused and not applied", async () => {
  await using store = await lockedStore();
  const { kv } = store;
  const outcome = await kv.commit({ sets: [{ key: key(1), value: key(1) }] });
  assertEquals(outcome.kind, "refused");
  store.unlock();
  assertEquals(await kv.get([key(1)]), [null]);
  assertEquals((await kv.commit({ sets: [{ key: key(1), value: key(2) }] })).kind, "ok");
});

Deno.test("Commit with checks is made when another connection has the lock for a moment", async () => {
  await using store = await lockedStore();
  const checks = [{ key: key(2), version: null }];
  const committing = store.kv.commit({ checks, sets: [{ key: key(1), value: key(1) }] });
  await new Promise((resolve) => setTimeout(resolve, 50));
  store.unlock();
  assertEquals((await committing).kind, "ok");
});
