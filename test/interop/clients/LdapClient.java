import java.util.Collections;
import java.util.Hashtable;
import javax.naming.Context;
import javax.naming.NamingException;
import javax.naming.directory.Attributes;
import javax.naming.directory.SearchControls;
import javax.naming.ldap.ExtendedRequest;
import javax.naming.ldap.ExtendedResponse;
import javax.naming.ldap.InitialLdapContext;

/**
 * Logs in to an LDAP server through JNDI with SASL's GSSAPI, once for each line of standard input: settings such as
 * `qop=auth-int maxbuffer=65536`, in Java's words without `javax.security.sasl.`; `size` is that of a request. Prints a
 * line for each: who the client is and how many mechanisms the root entry names, or the innermost reason.
 */
public final class LdapClient {
    public static void main(String[] args) {
        // Takes the tickets of the ccache without a login configuration.
        System.setProperty("javax.security.auth.useSubjectCredsOnly", "false");
        new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).lines().forEach(line -> {
            String outcome;
            try {
                outcome = run(args[0], line);
            } catch (NamingException | RuntimeException error) {
                Throwable cause = error;
                while (cause.getCause() != null) {
                    cause = cause.getCause();
                }
                outcome = "refused: " + cause.getMessage();
            }
            System.out.println(outcome);
        });
    }

    private static String run(String url, String line) throws NamingException {
        Hashtable<String, Object> environment = new Hashtable<>();
        environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.ldap.LdapCtxFactory");
        environment.put(Context.PROVIDER_URL, url);
        environment.put(Context.SECURITY_AUTHENTICATION, "GSSAPI");
        environment.put("com.sun.jndi.ldap.read.timeout", "20000");
        int size = 1;
        for (String setting : line.strip().split(" +")) {
            String[] parts = setting.split("=", 2);
            switch (parts[0]) {
                case "" -> { }
                case "size" -> size = Integer.parseInt(parts[1]);
                case "authzid" -> environment.put("java.naming.security.sasl.authorizationId", parts[1]);
                default -> environment.put("javax.security.sasl." + parts[0], parts[1]);
            }
        }
        InitialLdapContext context = new InitialLdapContext(environment, null);
        try {
            SearchControls controls = new SearchControls();
            controls.setSearchScope(SearchControls.OBJECT_SCOPE);
            String filter = "(|(objectClass=*)(cn=" + "x".repeat(size) + "))";
            Attributes root = Collections.list(context.search("", filter, controls)).get(0).getAttributes();
            byte[] identity = context.extendedOperation(new WhoAmI()).getEncodedValue();
            return new String(identity) + " " + root.get("supportedSASLMechanisms").size();
        } finally {
            context.close();
        }
    }

    /** RFC 4532. */
    private static final class WhoAmI implements ExtendedRequest {
        @Override
        public String getID() {
            return "1.3.6.1.4.1.4203.1.11.3";
        }

        @Override
        public byte[] getEncodedValue() {
            return null;
        }

        @Override
        public ExtendedResponse createExtendedResponse(String id, byte[] value, int offset, int length) {
            byte[] contents = value == null ? new byte[0] : java.util.Arrays.copyOfRange(value, offset, offset + length);
            return new ExtendedResponse() {
                @Override
                public String getID() {
                    return id;
                }

                @Override
                public byte[] getEncodedValue() {
                    return contents;
                }
            };
        }
    }
}
