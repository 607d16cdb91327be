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

const KGO_VERSION = "v1.22.2";

const KGO_MODULE = "github.com/twmb/franz-go";

/** The tests of franz-go's client, compiled to a program. */
export const KGO_TESTS = `.cache/kgo/kgo-${KGO_VERSION}.test`;

const COPY_DEPENDENCIES =
  "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/** kcat of Debian: librdkafka's command line. */
export const kcat = debianPackage("kcat", "kcat", "-V");

const jdk = debianPackage("default-jdk-headless", "javac", "-version");
const maven = debianPackage("maven", "mvn", "-version");

/** Kafka's own console tools: `java -cp .cache/java/* org.apache.kafka.tools.TopicCommand …`. */
export const kafkaTools: Tool = mavenJars({
  name: "Kafka's console tools (java and Maven)",
  pom: "tests/compat/java/pom.xml",
  folder: JAVA_FOLDER,
});

/** Kafka Streams and its examples. */
export const kafkaStreams: Tool = mavenJars({
  name: "Kafka Streams (java and Maven)",
  pom: "tests/compat/java/streams.xml",
  folder: ".cache/kafka-streams",
});

/** Kafka's Java clients of one version. */
export function kafkaClients(version: string): Tool {
  return mavenJars({
    name: `Kafka's Java clients ${version} (java and Maven)`,
    pom: "tests/compat/java/clients.xml",
    folder: `.cache/kafka-clients/${version}`,
    properties: [`-Dkafka.version=${version}`],
  });
}

/** The tests of franz-go's client, as a program: Go gets the module, and compiles what is in it. */
export const kgoTests: Tool = {
  name: `the tests of franz-go ${KGO_VERSION} (Go 1.21 or newer)`,
  isThere: () => works(KGO_TESTS, ["-test.list=^$"]),
  async install() {
    const downloaded = await run("go", [
      "mod",
      "download",
      "-json",
      `${KGO_MODULE}@${KGO_VERSION}`,
    ]);
    if (!downloaded.ok) return;
    const { Dir: folder } = JSON.parse(downloaded.output.slice(downloaded.output.indexOf("{")));
    const program = `${Deno.cwd()}/${KGO_TESTS}`;
    await run("go", ["-C", folder, "test", "-c", "-o", program, "./pkg/kgo"]);
  },
};

/** A Python of its own with the clients in it, below the root of the project. */
const PYTHON_FOLDER = ".cache/python";
export const PYTHON = `${PYTHON_FOLDER}/bin/python`;

const PYTHON_REQUIREMENTS = "tests/compat/python/requirements.txt";
const venv = debianPackage("python3-venv", "python3", "-mvenv", "--help");

/** Python's clients, from PyPI. */
export const pythonClients: Tool = {
  name: "Python's Kafka clients (python3 and pip)",
  async isThere() {
    return await textOf(`${PYTHON_FOLDER}/requirements.txt`) === await textOf(PYTHON_REQUIREMENTS);
  },
  async install() {
    if (!await venv.isThere()) await venv.install();
    await remove(PYTHON_FOLDER);
    const made = await run("python3", ["-m", "venv", PYTHON_FOLDER]);
    if (!made.ok) return;
    const { ok } = await run(PYTHON, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "-r",
      PYTHON_REQUIREMENTS,
    ]);
    if (ok) await Deno.copyFile(PYTHON_REQUIREMENTS, `${PYTHON_FOLDER}/requirements.txt`);
  },
};

/** What the POM names, copied to a folder, and a JDK to compile against it and run it. */
function mavenJars({ name, pom, folder, properties = [] }: {
  readonly name: string;
  readonly pom: string;
  readonly folder: string;
  readonly properties?: readonly string[];
}): Tool {
  // Another POM in the folder means that the jars in it are of other versions.
  const copiedPom = `${folder}/pom.xml`;
  return {
    name,
    async isThere() {
      return await jdk.isThere() && await textOf(copiedPom) === await textOf(pom);
    },
    async install() {
      for (const tool of [jdk, maven]) if (!await tool.isThere()) await tool.install();
      await remove(folder);
      const { ok } = await run("mvn", [
        "--quiet",
        "--batch-mode",
        `--file=${pom}`,
        COPY_DEPENDENCIES,
        `-DoutputDirectory=${Deno.cwd()}/${folder}`,
        "-DincludeScope=runtime",
        ...properties,
      ]);
      if (ok) await Deno.copyFile(pom, copiedPom);
    },
  };
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
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
function debianPackage(name: string, command: string, ...flags: string[]): Tool {
  return {
    name,
    isThere: () => works(command, flags),
    async install() {
      await run("apt-get", ["update", "--quiet"]);
      await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", name]);
    },
  };
}
