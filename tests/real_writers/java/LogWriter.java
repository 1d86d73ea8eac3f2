import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.logging.FileHandler;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.logging.XMLFormatter;

/** Lets java.util.logging write a record and a fault at each instant of a faked clock. */
public final class LogWriter {
    private LogWriter() {}

    /** Takes the log's path and instants as seconds since 1970. */
    public static void main(String[] arguments) throws Exception {
        Logger logger = Logger.getLogger("de.beispiel.procall");
        logger.setUseParentHandlers(false);
        FileHandler handler = new FileHandler(arguments[0]);
        handler.setFormatter(new SimpleFormatter());
        handler.setEncoding("UTF-8");
        logger.addHandler(handler);
        FileHandler tagged = new FileHandler(arguments[0] + ".xml");
        tagged.setFormatter(new XMLFormatter());
        tagged.setEncoding("UTF-8");
        logger.addHandler(tagged);
        Path clock = Path.of(System.getenv("FAKETIME_TIMESTAMP_FILE"));
        for (int number = 1; number < arguments.length; number++) {
            Path aside = Path.of(clock + ".java");
            Files.writeString(aside, arguments[number] + "\n");
            Files.move(aside, clock, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            logger.info("Anruf " + number + " angenommen");
            try {
                fail();
            } catch (IllegalStateException fault) {
                logger.log(Level.SEVERE, "Anruf " + number + " fehlgeschlagen", fault);
            }
        }
        handler.close();
        tagged.close();
    }

    private static void fail() {
        try {
            Integer.parseInt("12:00:00");
        } catch (NumberFormatException cause) {
            throw new IllegalStateException("keine Zahl", cause);
        }
    }
}
