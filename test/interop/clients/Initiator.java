import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.ietf.jgss.ChannelBinding;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;

/**
 * An initiator on Java's JGSS that speaks both framings of the gss-sample protocol. Options and output are those of
 * initiator.py; credentials come from the ccache that KRB5CCNAME names.
 */
public final class Initiator {
    private static final int NOOP = 1, CONTEXT = 2, DATA = 4, MIC = 8, CONTEXT_NEXT = 16, WRAPPED = 32, ENCRYPTED = 64,
            SEND_MIC = 128;
    private static final Map<String, String> MECHANISMS = Map.of("krb5", "1.2.840.113554.1.2.2", "spnego", "1.3.6.1.5.5.2");

    private final Map<String, String> options;
    private final int framing;
    private final DataInputStream in;
    private final DataOutputStream out;

    private Initiator(Map<String, String> options, Socket socket) throws IOException {
        this.options = options;
        this.framing = number("framing");
        this.in = new DataInputStream(socket.getInputStream());
        this.out = new DataOutputStream(socket.getOutputStream());
    }

    public static void main(String[] args) throws Exception {
        // Takes the tickets of the ccache without a login configuration.
        System.setProperty("javax.security.auth.useSubjectCredsOnly", "false");
        Map<String, String> options = new HashMap<>(Map.of("host", "127.0.0.1", "mech", "krb5", "framing", "2", "flags",
                "mutual,replay,sequence", "sizes", "7", "order", "", "wrap", "1", "conf", "1", "mic", "1"));
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        String[] during = {"connect"};
        try (Socket socket = new Socket()) {
            socket.setTcpNoDelay(true);
            socket.connect(new InetSocketAddress(options.get("host"), Integer.parseInt(options.get("port"))), 60_000);
            socket.setSoTimeout(60_000);
            new Initiator(options, socket).run(during);
        } catch (GSSException error) {
            Throwable cause = error.getCause() == null ? error : error.getCause();
            fail(during[0], error.getMajor(), error.getMessage() + " " + cause.getMessage());
        } catch (IOException error) {
            fail(during[0], 0, error instanceof EOFException ? "connection closed by the server" : error.getMessage());
        }
    }

    private void run(String[] during) throws GSSException, IOException {
        during[0] = "establish";
        GSSContext context = establish();
        say("established", "\"mechanism\":" + quote(context.getMech().toString()) + ",\"flags\":" + flags(context)
                + ",\"source\":" + quote(context.getSrcName().toString()) + ",\"target\":"
                + quote(context.getTargName().toString()));
        during[0] = "exchange";
        int messages = exchange(context);
        say("done", "\"messages\":" + messages);
        context.dispose();
    }

    private GSSContext establish() throws GSSException, IOException {
        GSSManager manager = GSSManager.getInstance();
        GSSName target = manager.createName(options.get("service"), GSSName.NT_HOSTBASED_SERVICE);
        GSSContext context = manager.createContext(target, new Oid(MECHANISMS.get(options.get("mech"))), null,
                GSSContext.DEFAULT_LIFETIME);
        List<String> wanted = List.of(options.get("flags").split(","));
        context.requestCredDeleg(wanted.contains("deleg"));
        context.requestMutualAuth(wanted.contains("mutual"));
        context.requestReplayDet(wanted.contains("replay"));
        context.requestSequenceDet(wanted.contains("sequence"));
        if (options.containsKey("bindings")) {
            context.setChannelBinding(new ChannelBinding(HexFormat.of().parseHex(options.get("bindings"))));
        }
        if (framing == 2) {
            send(NOOP | CONTEXT_NEXT, new byte[0]);
        }
        byte[] token = new byte[0];
        while (!context.isEstablished()) {
            byte[] answer = context.initSecContext(token, 0, token.length);
            if (answer != null) {
                send(CONTEXT, answer);
            }
            if (!context.isEstablished()) {
                token = receive().data();
            }
        }
        return context;
    }

    private int exchange(GSSContext context) throws GSSException, IOException {
        boolean wrap = number("wrap") == 1, conf = number("conf") == 1, mic = number("mic") == 1;
        int[] sizes = numbers("sizes");
        List<byte[]> messages = new ArrayList<>();
        List<byte[]> tokens = new ArrayList<>();
        List<Boolean> confidential = new ArrayList<>();
        // All are wrapped before the first is sent: the order of sending may then differ from that of the numbers.
        for (int index = 0; index < sizes.length; index++) {
            byte[] message = pattern(index, sizes[index]);
            MessageProp properties = new MessageProp(0, conf);
            messages.add(message);
            tokens.add(wrap ? context.wrap(message, 0, message.length, properties) : message);
            confidential.add(wrap && properties.getPrivacy());
        }
        int[] order = numbers("order");
        if (order.length == 0) {
            order = java.util.stream.IntStream.range(0, sizes.length).toArray();
        }
        int flags = DATA | (wrap ? WRAPPED : 0) | (conf ? ENCRYPTED : 0) | (mic ? SEND_MIC : 0);
        int sent = 0;
        for (int index : order) {
            byte[] data = tokens.get(index).clone();
            if (options.containsKey("alter") && (sent == 0 || !options.containsKey("answers"))) {
                data[number("alter")] ^= 1;
            }
            send(flags, data);
            sent++;
            if (options.containsKey("answers")) {
                continue;
            }
            Frame answer = receive();
            boolean signed = framing == 1 || answer.flags() == MIC;
            if (signed) {
                byte[] message = messages.get(index);
                context.verifyMIC(answer.data(), 0, answer.data().length, message, 0, message.length, new MessageProp(0, false));
            } else if (answer.flags() != NOOP) {
                throw new IOException("unexpected flags " + answer.flags());
            }
            say("message", "\"index\":" + index + ",\"size\":" + sizes[index] + ",\"wrapped\":" + wrap
                    + ",\"confidential\":" + confidential.get(index) + ",\"answer\":" + quote(signed ? "mic" : "noop"));
        }
        for (int index : options.containsKey("mics") ? order : new int[0]) {
            byte[] message = messages.get(index);
            send(MIC, context.getMIC(message, 0, message.length, new MessageProp(0, false)));
        }
        if (framing == 2) {
            send(NOOP, new byte[0]);
        }
        if (options.containsKey("answers")) {
            takeAnswers(context, messages, number("answers"));
        }
        return order.length;
    }

    // What the other side wrapped, in whatever order it sends it.
    private void takeAnswers(GSSContext context, List<byte[]> messages, int count) throws IOException {
        for (; count > 0; count--) {
            byte[] token = receive().data();
            MessageProp properties = new MessageProp(0, false);
            List<String> status = new ArrayList<>();
            int index = -1;
            try {
                byte[] message = context.unwrap(token, 0, token.length, properties);
                index = java.util.stream.IntStream.range(0, messages.size())
                        .filter(i -> java.util.Arrays.equals(messages.get(i), message)).findFirst().orElse(-1);
            } catch (GSSException error) {
                status.add(error.getMajor() == GSSException.BAD_MIC ? "\"bad-mic\"" : "\"error-" + error.getMajor() + "\"");
            }
            if (properties.isDuplicateToken()) status.add("\"duplicate\"");
            if (properties.isOldToken()) status.add("\"old\"");
            if (properties.isUnseqToken()) status.add("\"unsequenced\"");
            if (properties.isGapToken()) status.add("\"gap\"");
            say("answer", "\"index\":" + index + ",\"confidential\":" + properties.getPrivacy() + ",\"status\":["
                    + String.join(",", status) + "]");
        }
    }

    private record Frame(int flags, byte[] data) {}

    private void send(int flags, byte[] data) throws IOException {
        byte[] frame = new byte[(framing == 2 ? 5 : 4) + data.length];
        java.nio.ByteBuffer buffer = java.nio.ByteBuffer.wrap(frame);
        if (framing == 2) {
            buffer.put((byte) flags);
        }
        buffer.putInt(data.length).put(data);
        out.write(frame);
    }

    private Frame receive() throws IOException {
        int flags = framing == 2 ? in.readUnsignedByte() : 0;
        byte[] data = new byte[in.readInt()];
        in.readFully(data);
        return new Frame(flags, data);
    }

    // Any bytes will do, but no two messages of one run may be alike.
    private static byte[] pattern(int index, int size) {
        byte[] bytes = new byte[size];
        for (int position = 0; position < size; position++) {
            bytes[position] = (byte) (index * 31 + (position % 257) * 7);
        }
        return bytes;
    }

    private static String flags(GSSContext context) {
        List<String> names = new ArrayList<>();
        if (context.getCredDelegState()) names.add("\"deleg\"");
        if (context.getMutualAuthState()) names.add("\"mutual\"");
        if (context.getReplayDetState()) names.add("\"replay\"");
        if (context.getSequenceDetState()) names.add("\"sequence\"");
        if (context.getConfState()) names.add("\"conf\"");
        if (context.getIntegState()) names.add("\"integ\"");
        return "[" + String.join(",", names) + "]";
    }

    private int number(String name) {
        return Integer.parseInt(options.get(name));
    }

    private int[] numbers(String name) {
        String text = options.get(name);
        return text.isEmpty() ? new int[0]
                : java.util.Arrays.stream(text.split(",")).mapToInt(Integer::parseInt).toArray();
    }

    private static void fail(String during, int major, String text) {
        say("error", "\"during\":" + quote(during) + ",\"major\":" + major + ",\"text\":" + quote(String.valueOf(text)));
        System.exit(1);
    }

    private static void say(String event, String rest) {
        System.out.println("{\"event\":" + quote(event) + "," + rest + "}");
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            quoted.append(c == '"' || c == '\\' ? "\\" + c : c < 32 ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return quoted.append('"').toString();
    }
}
