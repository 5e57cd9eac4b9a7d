// A release client's tests with JUnit 5 against `otagw test-server`. Needs JUnit and nothing else.
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReleaseTest {
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static Process server;
    static Path file;
    static String url;
    static String control;

    @BeforeAll
    static void start() throws Exception {
        file = Files.createTempDirectory("otagw").resolve("where.json");
        server = new ProcessBuilder("otagw", "test-server", "--port-file", file.toString()).inheritIO().start();
        while (!Files.exists(file)) { // once it is there, it is whole
            assertTrue(server.isAlive(), "otagw test-server has ended");
            Thread.sleep(50);
        }
        String where = Files.readString(file);
        url = member(where, "url");
        control = member(where, "control");
    }

    /** Returns a text of a JSON object; a program with a JSON library uses that. */
    static String member(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\": ?\"([^\"]*)\"").matcher(json);
        assertTrue(found.find(), json);
        return found.group(1);
    }

    @AfterAll
    static void stop() throws Exception {
        server.destroy();
        server.waitFor();
        Files.delete(file.getParent());
    }

    @BeforeEach
    void reset() throws Exception {
        tell("/reset", "{}");
    }

    /** Tells the control API something; it answers 409 where an expectation does not hold. */
    String tell(String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(control + path))
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        return answer.body();
    }

    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~");
    }

    /** Calls an Action as a program does: signed with HMAC-SHA1. */
    String call(String action, Map<String, String> params) throws Exception {
        TreeMap<String, String> all = new TreeMap<>(params);
        all.putAll(Map.of("Action", action, "Version", "2018-01-20", "Format", "JSON", "AccessKeyId", "testid",
                "SignatureMethod", "HMAC-SHA1", "SignatureVersion", "1.0", "SignatureNonce", UUID.randomUUID().toString(),
                "Timestamp", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()));
        String query = all.entrySet().stream().map(one -> encode(one.getKey()) + "=" + encode(one.getValue()))
                .collect(Collectors.joining("&"));
        Mac mac = Mac.getInstance("HmacSHA1");
        mac.init(new SecretKeySpec("testsecret&".getBytes(StandardCharsets.UTF_8), "HmacSHA1"));
        byte[] signature = mac.doFinal(("GET&%2F&" + encode(query)).getBytes(StandardCharsets.UTF_8));
        String signed = query + "&Signature=" + encode(Base64.getEncoder().encodeToString(signature));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/?" + signed)).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    @Test
    void aCreateWhoseAnswerWasLostIsRepeatedWithItsToken() throws Exception {
        tell("/faults", "{\"operation\": \"CreateOTAFirmware\", \"after\": \"commit\", \"times\": 1}");
        Map<String, String> release =
                Map.of("FirmwareName", "door-lock", "DestVersion", "2.0.0", "ClientToken", "build-4711");
        // Java's client repeats a GET whose connection was lost, by itself and with the same nonce.
        assertTrue(call("CreateOTAFirmware", release).contains("SignatureNonceUsed"));
        assertTrue(call("CreateOTAFirmware", release).contains("\"Success\":true"));
        tell("/calls/expect", "{\"operation\": \"CreateOTAFirmware\", \"times\": 3}");
        tell("/verify", "{}");
    }

    @Test
    void aThrottledCallIsRefusedInTheVendorsWords() throws Exception {
        tell("/faults", "{\"operation\": \"ListOTAFirmware\", \"code\": \"Throttling.User\", \"times\": 1}");
        Map<String, String> page = Map.of("CurrentPage", "1", "PageSize", "10");
        assertTrue(call("ListOTAFirmware", page).contains("Throttling.User"));
        assertTrue(call("ListOTAFirmware", page).contains("\"Total\":0"));
    }

    @Test
    void aRolloutBeginsAtItsTime() throws Exception {
        tell("/clock", "{\"freeze\": \"2026-11-22T12:00Z\"}");
        tell("/seed", "{\"devices\": [{\"product\": \"a1lock\", \"count\": 3}],"
                + "\"packages\": [{\"name\": \"door-lock\", \"version\": \"2.0.0\", \"product\": \"a1lock\"}],"
                + "\"jobs\": [{\"package\": \"door-lock\", \"schedule\": \"2026-11-23T02:00Z\"}]}");
        tell("/devices/play", "{}");
        tell("/clock", "{\"run_until_idle\": true}");
        tell("/calls/expect", "{\"operation\": \"device.version\", \"params\": {\"version\": \"2.0.0\"}, \"times\": 3}");
    }
}
