import { assert, assertEquals } from "@std/assert";
import { ERROR_CODES, KafkaError } from "../../../protocol/errors.ts";
import { decodeResponse, encodeRequest, encodeResponse } from "../../../protocol/frames.ts";
import { ConnectionRefusal, type RequestContext } from "../../../server/api.ts";
import { APIS } from "../../../server/apis/mod.ts";
import { ANONYMOUS } from "../../../server/security/authorizer.ts";
import { settle } from "../../support/manual_environment.ts";
import { Random, randomMessage } from "../../protocol/random_message.ts";
import { startBroker } from "../support.ts";
import { createTopic } from "../topics.ts";

function* versionsOf({ versions: [oldest, newest] }: typeof APIS[number]): Iterable<number> {
  for (let version = oldest; version <= newest; version++) yield version;
}

Deno.test("Every API serves versions that its messages have, under its key and name", () => {
  for (const { name, key, versions: [oldest, newest], advertised, request, response } of APIS) {
    assertEquals([request.name, request.apiKey], [`${name}Request`, key]);
    assertEquals([response.name, response.apiKey], [`${name}Response`, key]);
    assert(oldest >= request.versions.min && newest <= request.versions.max, name);
    assert(!request.latestVersionUnstable || newest < request.versions.max, name);
    assert(advertised[0] <= oldest && advertised[1] === newest, name);
  }
  assertEquals(new Set(APIS.map(({ key }) => key)).size, APIS.length);
});

Deno.test("Every API can refuse any request in each of its versions", () => {
  const random = new Random(11);
  for (const api of APIS) {
    for (const version of versionsOf(api)) {
      for (let round = 0; round < 5; round++) {
        const request = randomMessage(api.request, version, random);
        const context = {
          apiVersion: version,
          peer: { principal: ANONYMOUS, advertised: { host: "h", port: 1 } },
        } as unknown as RequestContext;
        for (const kind of Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[]) {
          try {
            const refusal = api.refuse(request as never, new KafkaError(kind), context);
            if (refusal !== null) encodeResponse(api.response, version, 1, refusal);
          } catch (error) {
            if (!(error instanceof ConnectionRefusal)) {
              throw new Error(`${api.name} v${version} ${kind}`, { cause: error });
            }
          }
        }
      }
    }
  }
});

Deno.test("Every API answers random requests, or closes, and nothing is unforeseen", async () => {
  await using broker = await startBroker();
  using setup = broker.connect();
  for (const name of ["a", "orders"]) await createTopic(setup, name, 3);
  const random = new Random(23);
  for (const api of APIS) {
    for (const version of versionsOf(api)) {
      for (let round = 0; round < 4; round++) {
        const request = randomMessage(api.request, version, random);
        const limited = "maxWaitMs" in request ? { ...request, maxWaitMs: 5 } : request;
        using client = broker.connect();
        await client.send(...encodeRequest(
          { schema: api.request, version, correlationId: 5, clientId: "random" },
          limited as never,
        ));
        let frame: Uint8Array | null | undefined;
        client.receive().then((received) => frame = received);
        await settle();
        for (let second = 0; second < 100 && frame === undefined; second++) {
          await broker.environment.advance(second < 5 ? 10 : 60_000);
        }
        const what = `${api.name} v${version}`;
        const silent = api.name === "Produce" && limited.acks === 0;
        assert(silent || frame !== undefined, `${what} was neither answered nor refused`);
        if (frame) assertEquals(decodeResponse(api.response, version, frame).correlationId, 5);
        const faults = broker.environment.lines.filter(({ level }) => level === "error");
        assertEquals(faults, [], what);
      }
    }
  }
});
