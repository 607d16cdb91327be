import { assert, assertEquals, assertThrows } from "@std/assert";
import { addressText, isWildcard, parseAddress, parseNamedAddress } from "../../cli/addresses.ts";
import { UsageError } from "../../cli/usage_error.ts";

Deno.test("An address is read and written in the same form", () => {
  for (const text of ["127.0.0.1:9092", "broker.example:0", "[::1]:9092", "[fe80::1%eth0]:65535"]) {
    assertEquals(addressText(parseAddress(text, "--listen")), text);
  }
  assertEquals(parseAddress("[::1]:9092", "--listen"), { host: "::1", port: 9092 });
});

Deno.test("What is no address is refused with the option and an example", () => {
  for (
    const text of [
      "",
      "9092",
      ":9092",
      "host",
      "host:",
      "host:x",
      "host:65536",
      "::1:9092",
      "a b:1",
    ]
  ) {
    const error = assertThrows(() => parseAddress(text, "--listen"), UsageError) as Error;
    assertEquals(
      error.message,
      `--listen: "${text}" is not HOST:PORT (an example: 127.0.0.1:9092)`,
    );
  }
});

Deno.test("A named address without a host is on all addresses of the machine", () => {
  assertEquals(parseNamedAddress("plaintext://:9092", "listeners"), {
    name: "PLAINTEXT",
    host: "0.0.0.0",
    port: 9092,
  });
  assertThrows(() => parseNamedAddress("127.0.0.1:9092", "listeners"), UsageError, "NAME://");
});

Deno.test("Wildcard hosts are those of IPv4 and IPv6 in any form", () => {
  for (const host of ["0.0.0.0", "::", "::0", "0:0:0:0:0:0:0:0"]) assert(isWildcard(host), host);
  for (const host of ["127.0.0.1", "::1", "0", "broker"]) assert(!isWildcard(host), host);
});
