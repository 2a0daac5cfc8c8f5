import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A greeting over HTTP. It listens on HOST and PORT; GREETING is what it says,
 * with %s for whom. With PAUSE_MS it thinks for so long first.
 */
public final class Greeting {
    /** For how long requests may go on after TERM. */
    private static final int FAREWELL_SECONDS = 5;

    private static final Map<String, String> ENV = System.getenv();
    private static final String GREETING = ENV.getOrDefault("GREETING", "Hello, %s!");
    private static final long PAUSE_MS = Long.parseLong(ENV.getOrDefault("PAUSE_MS", "0"));
    private static final AtomicLong COUNT = new AtomicLong();

    /** The requests that are under way, and the program itself. */
    private static final Phaser OPEN = new Phaser(1);

    public static void main(String[] arguments) throws IOException {
        var host = ENV.getOrDefault("HOST", "127.0.0.1");
        var port = Integer.parseInt(ENV.getOrDefault("PORT", "8080"));
        var server = HttpServer.create(new InetSocketAddress(host, port), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", counted(exchange -> answer(exchange, 404, "{\"error\":\"no such path\"}")));
        server.createContext("/healthz", exchange -> answer(exchange, 200, "{\"status\":\"up\"}"));
        server.createContext("/greeting", counted(Greeting::greet));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(server)));
        server.start();
        System.out.println("greeting on " + host + ":" + port);
    }

    private static void greet(HttpExchange exchange) throws IOException {
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        var name = "World";
        var query = exchange.getRequestURI().getRawQuery();
        for (var part : query == null ? new String[0] : query.split("&")) {
            if (part.startsWith("name=")) {
                name = URLDecoder.decode(part.substring(5), StandardCharsets.UTF_8);
            }
        }
        var content = quoted(GREETING.replace("%s", name));
        answer(exchange, 200, "{\"id\":" + COUNT.incrementAndGet() + ",\"content\":" + content + "}");
    }

    private static void answer(HttpExchange exchange, int status, String json) throws IOException {
        var body = (json + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static HttpHandler counted(HttpHandler handler) {
        return exchange -> {
            OPEN.register();
            try {
                handler.handle(exchange);
            } finally {
                exchange.close();
                OPEN.arriveAndDeregister();
            }
        };
    }

    /** On TERM: the requests that are under way are answered. */
    private static void end(HttpServer server) {
        try {
            OPEN.awaitAdvanceInterruptibly(OPEN.arrive(), FAREWELL_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | TimeoutException late) {
            System.err.println("ending with requests that are not answered");
        }
        server.stop(0);
    }

    private static String quoted(String text) {
        var json = new StringBuilder("\"");
        for (var c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
