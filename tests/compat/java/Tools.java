import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main methods of Kafka's console tools one after the other in one JVM, which takes seconds to start.
 *
 * <p>Each line read asks for one run: the class, what it is to read, and its arguments, separated by spaces and each in
 * base64 with a dot before it. The line that answers has the exit code, standard output and standard error likewise.
 */
public final class Tools {
    /** Ends a tool where it would have ended the JVM. */
    private static final class Exited extends RuntimeException {}

    /** What the tool exited with, or null: some tools catch what is thrown by their exit, and exit once more. */
    private static Integer exitCode;

    public static void main(String[] none) throws Exception {
        Exit.Procedure exit = (code, message) -> {
            if (exitCode == null) exitCode = code;
            System.setErr(new PrintStream(OutputStream.nullOutputStream()));
            throw new Exited();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        List<Runnable> shutdownHooks = new ArrayList<>();
        Exit.setShutdownHookAdder((name, hook) -> shutdownHooks.add(hook));

        PrintStream answers = System.out;
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = requests.readLine()) != null;) {
            List<byte[]> words = Arrays.stream(line.split(" ")).map(Tools::decoded).toList();
            String[] args = words.stream().skip(2).map(String::new).toArray(String[]::new);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            System.setIn(new ByteArrayInputStream(words.get(1)));
            System.setOut(new PrintStream(out, true));
            System.setErr(new PrintStream(err, true));
            String code = String.valueOf(run(new String(words.get(0)), args));
            shutdownHooks.forEach(Runnable::run);
            shutdownHooks.clear();
            System.out.flush();
            answers.println(String.join(" ",
                encoded(code.getBytes()), encoded(out.toByteArray()), encoded(err.toByteArray())));
            answers.flush();
        }
    }

    private static int run(String tool, String[] args) throws ReflectiveOperationException {
        exitCode = null;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException failure) {
            if (exitCode == null) {
                failure.getCause().printStackTrace();
                return 1;
            }
        }
        return exitCode == null ? 0 : exitCode;
    }

    private static byte[] decoded(String word) {
        return Base64.getDecoder().decode(word.substring(1));
    }

    private static String encoded(byte[] bytes) {
        return "." + Base64.getEncoder().encodeToString(bytes);
    }
}
