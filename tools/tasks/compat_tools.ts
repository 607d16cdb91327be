/**
 * The programs of other projects that the compat suites need, and how to get them where they are missing.
 *
 * @module
 */
import { run, works } from "./run.ts";

/** A program of another project. */
export interface Tool {
  readonly name: string;
  isThere(): Promise<boolean>;
  /** Tries to get it; whether that worked tells {@linkcode Tool.isThere} afterwards. */
  install(): Promise<void>;
}

/** The folder, below the root of the project, that Kafka's own console tools are copied to. */
export const JAVA_FOLDER = ".cache/java";

const POM = "tests/compat/java/pom.xml";
const COPY_DEPENDENCIES =
  "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/** kcat of Debian: librdkafka's command line. */
export const kcat = debianPackage("kcat", "kcat", "-V");

const java = debianPackage("default-jdk-headless", "javac", "-version");
const maven = debianPackage("maven", "mvn", "-version");

/** Kafka's own console tools: `java -cp .cache/java/* org.apache.kafka.tools.TopicCommand …`. */
export const kafkaTools: Tool = {
  name: "Kafka's console tools (a JDK and Maven)",
  async isThere() {
    return await java.isThere() && await copiedFrom() === await Deno.readTextFile(POM);
  },
  async install() {
    for (const tool of [java, maven]) if (!await tool.isThere()) await tool.install();
    await remove(JAVA_FOLDER);
    const { ok } = await run("mvn", [
      "--quiet",
      "--batch-mode",
      `--file=${POM}`,
      COPY_DEPENDENCIES,
      `-DoutputDirectory=${Deno.cwd()}/${JAVA_FOLDER}`,
      "-DincludeScope=runtime",
    ]);
    if (ok) await Deno.copyFile(POM, `${JAVA_FOLDER}/pom.xml`);
  },
};

/** The POM that the tools in the folder were copied by: another one means that they are of another version. */
async function copiedFrom(): Promise<string | null> {
  try {
    return await Deno.readTextFile(`${JAVA_FOLDER}/pom.xml`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A program that Debian has a package of. Installing it needs root. */
function debianPackage(name: string, command: string, versionFlag: string): Tool {
  return {
    name,
    isThere: () => works(command, [versionFlag]),
    async install() {
      await run("apt-get", ["update", "--quiet"]);
      await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", name]);
    },
  };
}
