/*
 * Java's JGSS as a contender: the protocol of protocol.ts on standard input and output.
 * It logs in once for each keytab; the time is taken around the call alone.
 */
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.PrivilegedExceptionAction;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.Configuration;
import javax.security.auth.login.LoginContext;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;

public final class Jgss {
    private interface Call {
        void run(int n) throws Exception;
    }

    private static final GSSManager manager = GSSManager.getInstance();
    private static final com.sun.management.OperatingSystemMXBean system =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static Subject subject;
    private static GSSCredential credential;
    private static GSSContext context;

    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException end) {
                return;
            }
            int operation = in.readByte();
            byte[] payload = in.readNBytes(length - 1);
            byte[] reply;
            int code = 0;
            try {
                reply = serve(operation, payload);
            } catch (Exception error) {
                code = 1;
                reply = error.toString().getBytes(StandardCharsets.UTF_8);
            }
            out.writeInt(reply.length + 1);
            out.writeByte(code);
            out.write(reply);
            out.flush();
        }
    }

    private static byte[] serve(int operation, byte[] payload) throws Exception {
        switch (operation) {
            case 'k':
                useKeytab(new String(payload, StandardCharsets.UTF_8));
                return new byte[0];
            case 'a':
                return asSubject(() -> acceptAll(items(payload, 0)));
            case 'c':
                return asSubject(() -> establish(payload));
            case 'm':
                return runMessages(payload);
            default:
                throw new IllegalArgumentException("unknown operation " + operation);
        }
    }

    private static void useKeytab(String path) throws Exception {
        Map<String, String> options = Map.of("useKeyTab", "true", "keyTab", path, "storeKey", "true",
                "isInitiator", "false", "principal", "*", "doNotPrompt", "true");
        Configuration configuration = new Configuration() {
            @Override
            public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
                return new AppConfigurationEntry[] {new AppConfigurationEntry(
                        "com.sun.security.auth.module.Krb5LoginModule",
                        AppConfigurationEntry.LoginModuleControlFlag.REQUIRED, options)};
            }
        };
        LoginContext login = new LoginContext("bench", new Subject(), null, configuration);
        login.login();
        subject = login.getSubject();
        credential = asSubject(() -> manager.createCredential(
                null, GSSCredential.INDEFINITE_LIFETIME,
                new Oid[] {new Oid("1.2.840.113554.1.2.2"), new Oid("1.3.6.1.5.5.2")},
                GSSCredential.ACCEPT_ONLY));
    }

    private static <T> T asSubject(PrivilegedExceptionAction<T> action) throws Exception {
        return Subject.doAs(subject, action);
    }

    private static byte[] acceptAll(List<byte[]> tokens) throws Exception {
        int[] samples = new int[tokens.size()];
        long before = system.getProcessCpuTime();
        for (int i = 0; i < samples.length; i++) {
            byte[] token = tokens.get(i);
            long start = System.nanoTime();
            GSSContext made = manager.createContext(credential);
            made.acceptSecContext(token, 0, token.length);
            made.getSrcName();
            samples[i] = (int) (System.nanoTime() - start);
            if (!made.isEstablished()) throw new IllegalStateException("not established");
            made.dispose();
        }
        return figures(system.getProcessCpuTime() - before, samples);
    }

    private static byte[] establish(byte[] token) throws GSSException {
        context = manager.createContext(credential);
        byte[] output = context.acceptSecContext(token, 0, token.length);
        return output == null ? new byte[0] : output;
    }

    private static byte[] runMessages(byte[] payload) throws Exception {
        ByteBuffer buffer = ByteBuffer.wrap(payload);
        int kind = buffer.get();
        int batches = buffer.getInt();
        int calls = buffer.getInt();
        Call call = messageCall(kind, items(payload, buffer.position()));
        int[] samples = new int[batches];
        int n = 0;
        long before = system.getProcessCpuTime();
        for (int batch = 0; batch < batches; batch++) {
            long start = System.nanoTime();
            for (int i = 0; i < calls; i++) call.run(n++);
            samples[batch] = (int) (System.nanoTime() - start);
        }
        return figures(system.getProcessCpuTime() - before, samples);
    }

    private static Call messageCall(int kind, List<byte[]> items) {
        byte[] message = items.get(0);
        switch (kind) {
            case 'w':
            case 's':
                return n -> context.wrap(message, 0, message.length, new MessageProp(0, kind == 'w'));
            case 'u':
                return n -> {
                    byte[] token = items.get(n % items.size());
                    context.unwrap(token, 0, token.length, new MessageProp(0, false));
                };
            case 'g':
                return n -> context.getMIC(message, 0, message.length, new MessageProp(0, false));
            case 'v':
                return n -> {
                    byte[] mic = items.get(1 + n % (items.size() - 1));
                    context.verifyMIC(mic, 0, mic.length, message, 0, message.length,
                            new MessageProp(0, false));
                };
            default:
                throw new IllegalArgumentException("unknown kind of message " + kind);
        }
    }

    private static List<byte[]> items(byte[] payload, int from) {
        List<byte[]> items = new ArrayList<>();
        ByteBuffer buffer = ByteBuffer.wrap(payload, from, payload.length - from);
        while (buffer.hasRemaining()) {
            byte[] item = new byte[buffer.getInt()];
            buffer.get(item);
            items.add(item);
        }
        return items;
    }

    private static byte[] figures(long cpu, int[] samples) {
        ByteBuffer buffer = ByteBuffer.allocate(8 + 4 * samples.length).putLong(cpu);
        for (int sample : samples) buffer.putInt(sample);
        return buffer.array();
    }
}
