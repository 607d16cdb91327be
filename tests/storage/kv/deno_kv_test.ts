import { openDenoFolder } from "../../../storage/kv/deno/deno_folder.ts";
import { testKvContract } from "../../contract/kv_contract.ts";

testKvContract({
  name: "Deno KV file",
  place: async () => {
    const path = await Deno.makeTempDir({ prefix: "odradek-kv-" });
    return {
      open: () => openDenoFolder(path),
      remove: () => Deno.remove(path, { recursive: true }),
    };
  },
});
