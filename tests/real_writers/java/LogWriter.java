import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.logging.FileHandler;
import java.util.logging.Formatter;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.logging.XMLFormatter;

/**
 * Lets java.util.logging write a record and a fault at each instant, once as text and once as XML.
 *
 * <p>The instants are set on the records: a virtual machine under libfaketime looks at the clock so often that it takes
 * seconds to start.
 */
public final class LogWriter {
    private LogWriter() {}

    /** Takes the log's path and instants as microseconds since 1970. */
    public static void main(String[] arguments) throws Exception {
        Logger logger = Logger.getLogger("de.beispiel.procall");
        logger.setUseParentHandlers(false);
        logger.addHandler(handler(arguments[0], new SimpleFormatter()));
        logger.addHandler(handler(arguments[0] + ".xml", new XMLFormatter()));
        for (int number = 1; number < arguments.length; number++) {
            Instant at = Instant.EPOCH.plus(Long.parseLong(arguments[number]), ChronoUnit.MICROS);
            logger.log(record(Level.INFO, at, "Anruf " + number + " angenommen"));
            try {
                fail();
            } catch (IllegalStateException fault) {
                LogRecord record = record(Level.SEVERE, at, "Anruf " + number + " fehlgeschlagen");
                record.setThrown(fault);
                logger.log(record);
            }
        }
        for (var handler : logger.getHandlers()) {
            handler.close();
        }
    }

    private static FileHandler handler(String path, Formatter formatter) throws Exception {
        FileHandler handler = new FileHandler(path);
        handler.setFormatter(formatter);
        handler.setEncoding("UTF-8");
        return handler;
    }

    private static LogRecord record(Level level, Instant at, String message) {
        LogRecord record = new LogRecord(level, message);
        record.setInstant(at);
        record.setLoggerName("de.beispiel.procall");
        return record;
    }

    private static void fail() {
        try {
            Integer.parseInt("12:00:00");
        } catch (NumberFormatException cause) {
            throw new IllegalStateException("keine Zahl", cause);
        }
    }
}
