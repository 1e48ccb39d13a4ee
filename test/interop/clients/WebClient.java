import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * An HTTP client on Java's HttpURLConnection, which answers Negotiate by itself. Credentials come from the ccache that
 * KRB5CCNAME names. For each URL of the arguments one line is printed: status, scheme of the challenge or proof, body; or
 * failed and why. With
 * -Dbody=TEXT requests are POSTs; -Djdk.https.negotiate.cbt=always binds to the TLS channel (tls-server-end-point).
 *
 * usage: java [-D...] WebClient.java URL...
 */
public final class WebClient {
    public static void main(String[] args) throws Exception {
        // Takes the tickets of the ccache without a login configuration.
        System.setProperty("javax.security.auth.useSubjectCredsOnly", "false");
        System.setProperty("http.auth.preference", "SPNEGO");
        trustAll();
        for (String url : args) {
            try {
                System.out.println(request(new URL(url), System.getProperty("body")));
            } catch (IOException error) {
                System.out.println("failed " + error.getMessage());
            }
        }
    }

    private static String request(URL url, String body) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setConnectTimeout(60_000);
        connection.setReadTimeout(60_000);
        if (body != null) {
            connection.setDoOutput(true);
            connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        }
        int status = connection.getResponseCode();
        String proof = connection.getHeaderField("WWW-Authenticate");
        InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        String text = stream == null ? "" : new String(stream.readAllBytes(), StandardCharsets.UTF_8).trim();
        return status + " " + (proof == null ? "-" : proof.split(" ")[0]) + " " + text;
    }

    /** The server's certificate is of a test: this client trusts any. */
    private static void trustAll() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new X509TrustManager() {
            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) {}

            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) {}

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        }}, null);
        HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
        HttpsURLConnection.setDefaultHostnameVerifier((host, session) -> true);
    }
}
