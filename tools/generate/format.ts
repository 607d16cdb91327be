/**
 * `deno fmt` for generated text: so that a test can compare it with a committed file.
 *
 * @module
 */

/** Text as `deno fmt` leaves it under the project's rules. */
export async function formatted(text: string, language: "ts" | "md"): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", `--ext=${language}`, "-"],
    cwd: new URL("../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt refuses the generated text");
  return new TextDecoder().decode(stdout);
}
