/*
 * An initiator on the GSS-API of C, for MIT krb5 and for Heimdal, that speaks both framings of the gss-sample protocol.
 * Options and output are those of initiator.py, and besides them:
 *
 *   --offer OIDS      what SPNEGO offers, in this order (MIT krb5 only); comma-separated, of krb5, mskrb5, iakerb, ntlm
 *   --addresses A,B   IPv4 addresses of initiator and acceptor in the channel bindings, in hex
 *   --prf N           prints N bytes of GSS_Pseudo_random of "krb5-acceptor", for both keys, in hex
 */
#include <gssapi/gssapi.h>
#ifdef MIT
#include <gssapi/gssapi_ext.h>
#endif
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOOP = 1, CONTEXT = 2, DATA = 4, MIC = 8, CONTEXT_NEXT = 16, WRAPPED = 32, ENCRYPTED = 64, SEND_MIC = 128 };
enum { MAX_MESSAGES = 256 };

static const struct { const char *name; gss_OID_desc oid; } MECHANISMS[] = {
    {"krb5", {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"}},
    {"spnego", {6, "\x2b\x06\x01\x05\x05\x02"}},
    {"mskrb5", {9, "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"}},
    {"iakerb", {6, "\x2b\x06\x01\x05\x02\x05"}},
    {"ntlm", {10, "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"}},
};
static const struct { const char *name; OM_uint32 flag; } FLAGS[] = {
    {"deleg", GSS_C_DELEG_FLAG}, {"mutual", GSS_C_MUTUAL_FLAG}, {"replay", GSS_C_REPLAY_FLAG},
    {"sequence", GSS_C_SEQUENCE_FLAG}, {"conf", GSS_C_CONF_FLAG}, {"integ", GSS_C_INTEG_FLAG},
    {"dce", GSS_C_DCE_STYLE},
};
static const struct { const char *name; OM_uint32 bit; } STATUS[] = {
    {"duplicate", GSS_S_DUPLICATE_TOKEN}, {"old", GSS_S_OLD_TOKEN}, {"unsequenced", GSS_S_UNSEQ_TOKEN},
    {"gap", GSS_S_GAP_TOKEN},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct {
    const char *host, *port, *service, *mech, *framing, *flags, *bindings, *addresses, *sizes, *order, *alter, *wrap,
        *conf, *mic, *answers, *mics, *offer, *prf;
} options = {.host = "127.0.0.1", .mech = "krb5", .framing = "2", .flags = "mutual,replay,sequence", .sizes = "7",
             .order = "", .wrap = "1", .conf = "1", .mic = "1"};

static const char *during = "connect";
static int peer, framing;

static void say_text(const char *text, size_t length) {
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = text[i];
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < 32) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void say_hex(const char *name, gss_buffer_t bytes) {
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < bytes->length; i++) printf("%02x", ((unsigned char *)bytes->value)[i]);
    putchar('"');
}

static void fail(OM_uint32 major, const char *text) {
    printf("{\"event\":\"error\",\"during\":\"%s\",\"major\":%u,\"text\":", during, major);
    say_text(text, strlen(text));
    printf("}\n");
    exit(1);
}

static void check(OM_uint32 major, OM_uint32 minor, gss_OID mechanism) {
    if (!GSS_ERROR(major)) return;
    char text[2000] = "";
    OM_uint32 codes[] = {major, minor}, ignored;
    int types[] = {GSS_C_GSS_CODE, GSS_C_MECH_CODE};
    for (int i = 0; i < 2; i++) {
        OM_uint32 next = 0;
        do {
            gss_buffer_desc line = GSS_C_EMPTY_BUFFER;
            if (GSS_ERROR(gss_display_status(&ignored, codes[i], types[i], mechanism, &next, &line))) break;
            strncat(text, line.value, sizeof text - strlen(text) - 2);
            strcat(text, " ");
            gss_release_buffer(&ignored, &line);
        } while (next != 0);
    }
    fail(major, text);
}

static void write_all(const void *bytes, size_t length) {
    for (const char *at = bytes; length > 0;) {
        ssize_t written = send(peer, at, length, MSG_NOSIGNAL);
        if (written <= 0) fail(0, "connection closed by the server");
        at += written;
        length -= written;
    }
}

static void read_all(void *bytes, size_t length) {
    for (char *at = bytes; length > 0;) {
        ssize_t got = read(peer, at, length);
        if (got <= 0) fail(0, "connection closed by the server");
        at += got;
        length -= got;
    }
}

static void send_frame(int flags, const void *bytes, size_t length) {
    unsigned char head[5] = {flags};
    uint32_t size = htonl(length);
    memcpy(head + 1, &size, 4);
    write_all(framing == 2 ? head : head + 1, framing == 2 ? 5 : 4);
    write_all(bytes, length);
}

static int receive_frame(gss_buffer_t bytes) {
    unsigned char flags = 0;
    uint32_t size;
    if (framing == 2) read_all(&flags, 1);
    read_all(&size, 4);
    bytes->length = ntohl(size);
    bytes->value = malloc(bytes->length + 1);
    read_all(bytes->value, bytes->length);
    return flags;
}

static gss_OID mechanism_named(const char *name, size_t length) {
    for (size_t i = 0; i < COUNT(MECHANISMS); i++)
        if (strlen(MECHANISMS[i].name) == length && memcmp(MECHANISMS[i].name, name, length) == 0)
            return (gss_OID)&MECHANISMS[i].oid;
    fail(0, "no such mechanism");
    return NULL;
}

static size_t unhex(const char *text, unsigned char *bytes) {
    size_t length = 0;
    for (; text[0] != 0 && text[1] != 0 && text[0] != ','; text += 2) {
        char digits[3] = {text[0], text[1], 0};
        bytes[length++] = strtoul(digits, NULL, 16);
    }
    return length;
}

static gss_channel_bindings_t channel_bindings(void) {
    static struct gss_channel_bindings_struct bindings;
    static unsigned char data[1024], initiator[8], acceptor[8];
    if (options.bindings == NULL && options.addresses == NULL) return GSS_C_NO_CHANNEL_BINDINGS;
    if (options.bindings != NULL) {
        bindings.application_data.value = data;
        bindings.application_data.length = unhex(options.bindings, data);
    }
    if (options.addresses != NULL) {
        bindings.initiator_addrtype = bindings.acceptor_addrtype = GSS_C_AF_INET;
        bindings.initiator_address.value = initiator;
        bindings.initiator_address.length = unhex(options.addresses, initiator);
        bindings.acceptor_address.value = acceptor;
        bindings.acceptor_address.length = unhex(strchr(options.addresses, ',') + 1, acceptor);
    }
    return &bindings;
}

/* A credential that limits what SPNEGO offers. */
static gss_cred_id_t offered_credential(void) {
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
#ifdef MIT
    OM_uint32 major, minor;
    gss_OID_set_desc spnego = {1, mechanism_named("spnego", 6)};
    gss_OID_set offer;
    if (options.offer == NULL) return credential;
    gss_create_empty_oid_set(&minor, &offer);
    for (const char *name = options.offer; *name != 0;) {
        size_t length = strcspn(name, ",");
        gss_add_oid_set_member(&minor, mechanism_named(name, length), &offer);
        name += length + (name[length] == ',');
    }
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &spnego, GSS_C_INITIATE, &credential, NULL, NULL);
    check(major, minor, GSS_C_NO_OID);
    major = gss_set_neg_mechs(&minor, credential, offer);
    check(major, minor, GSS_C_NO_OID);
#endif
    return credential;
}

static gss_ctx_id_t establish(void) {
    OM_uint32 major, minor, flags = 0;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_OID mechanism = mechanism_named(options.mech, strlen(options.mech));
    gss_buffer_desc service = {strlen(options.service), (void *)options.service}, token = GSS_C_EMPTY_BUFFER;
    gss_name_t target;
    for (size_t i = 0; i < COUNT(FLAGS); i++)
        if (strstr(options.flags, FLAGS[i].name) != NULL) flags |= FLAGS[i].flag;
    major = gss_import_name(&minor, &service, GSS_C_NT_HOSTBASED_SERVICE, &target);
    check(major, minor, GSS_C_NO_OID);
    gss_cred_id_t credential = offered_credential();
    if (framing == 2) send_frame(NOOP | CONTEXT_NEXT, "", 0);
    do {
        gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
        major = gss_init_sec_context(&minor, credential, &context, target, mechanism, flags, GSS_C_INDEFINITE,
                                     channel_bindings(), &token, NULL, &answer, NULL, NULL);
        if (answer.length > 0) send_frame(CONTEXT, answer.value, answer.length);
        check(major, minor, mechanism);
        if (major == GSS_S_CONTINUE_NEEDED) receive_frame(&token);
    } while (major == GSS_S_CONTINUE_NEEDED);
    return context;
}

static void say_established(gss_ctx_id_t context) {
    OM_uint32 minor, flags;
    gss_name_t names[2];
    gss_OID mechanism;
    gss_buffer_desc text;
    const char *separator = "";
    OM_uint32 major = gss_inquire_context(&minor, context, &names[0], &names[1], NULL, &mechanism, &flags, NULL, NULL);
    check(major, minor, GSS_C_NO_OID);
    printf("{\"event\":\"established\",\"mechanism\":");
    /* The dotted forms of the two that can come out. */
    int is_krb5 = mechanism->length == 9 && memcmp(mechanism->elements, MECHANISMS[0].oid.elements, 9) == 0;
    printf("\"%s\",\"flags\":[", is_krb5 ? "1.2.840.113554.1.2.2" : "1.3.6.1.5.5.2");
    for (size_t i = 0; i < COUNT(FLAGS); i++)
        if (flags & FLAGS[i].flag) {
            printf("%s\"%s\"", separator, FLAGS[i].name);
            separator = ",";
        }
    printf("]");
    for (int i = 0; i < 2; i++) {
        major = gss_display_name(&minor, names[i], &text, NULL);
        check(major, minor, GSS_C_NO_OID);
        printf(",\"%s\":", i == 0 ? "source" : "target");
        say_text(text.value, strlen(text.value));
    }
    if (options.prf != NULL) {
        gss_buffer_desc input = {13, "krb5-acceptor"};
        int keys[] = {GSS_C_PRF_KEY_FULL, GSS_C_PRF_KEY_PARTIAL};
        for (int i = 0; i < 2; i++) {
            major = gss_pseudo_random(&minor, context, keys[i], &input, atoi(options.prf), &text);
            check(major, minor, mechanism);
            say_hex(i == 0 ? "prfFull" : "prfPartial", &text);
        }
    }
    printf("}\n");
}

static size_t numbers(const char *text, long *values) {
    size_t count = 0;
    for (char *end; *text != 0 && count < MAX_MESSAGES; text = *end == ',' ? end + 1 : end)
        values[count++] = strtol(text, &end, 10);
    return count;
}

/* Any bytes will do, but no two messages of one run may be alike. */
static gss_buffer_desc pattern(size_t index, size_t size) {
    gss_buffer_desc message = {size, malloc(size + 1)};
    for (size_t i = 0; i < size; i++) ((unsigned char *)message.value)[i] = index * 31 + (i % 257) * 7;
    return message;
}

static void say_status(OM_uint32 major) {
    const char *separator = "";
    printf("\"status\":[");
    for (size_t i = 0; i < COUNT(STATUS); i++)
        if (!GSS_ERROR(major) && major & STATUS[i].bit) {
            printf("%s\"%s\"", separator, STATUS[i].name);
            separator = ",";
        }
    if (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MIC) printf("\"bad-mic\"");
    else if (GSS_ERROR(major)) printf("\"error-%u\"", (unsigned)(GSS_ROUTINE_ERROR(major) >> 16));
    printf("]");
}

/* What the other side wrapped, in whatever order it sends it. */
static void take_answers(gss_ctx_id_t context, const gss_buffer_desc *messages, size_t count) {
    for (long left = atol(options.answers); left > 0; left--) {
        gss_buffer_desc token, message = GSS_C_EMPTY_BUFFER;
        OM_uint32 minor;
        int confidential = 0, index = -1;
        receive_frame(&token);
        OM_uint32 major = gss_unwrap(&minor, context, &token, &message, &confidential, NULL);
        for (size_t i = 0; i < count && index < 0; i++)
            if (messages[i].length == message.length && memcmp(messages[i].value, message.value, message.length) == 0)
                index = i;
        printf("{\"event\":\"answer\",\"index\":%d,\"confidential\":%s,", GSS_ERROR(major) ? -1 : index,
               confidential ? "true" : "false");
        say_status(major);
        printf("}\n");
    }
}

static size_t exchange(gss_ctx_id_t context) {
    static long sizes[MAX_MESSAGES], order[MAX_MESSAGES];
    static gss_buffer_desc messages[MAX_MESSAGES], tokens[MAX_MESSAGES];
    static int confidential[MAX_MESSAGES];
    int wrap = atoi(options.wrap), conf = atoi(options.conf), mic = atoi(options.mic);
    size_t count = numbers(options.sizes, sizes), sent = numbers(options.order, order);
    OM_uint32 major, minor;
    /* All are wrapped before the first is sent: the order of sending may then differ from that of the numbers. */
    for (size_t i = 0; i < count; i++) {
        messages[i] = tokens[i] = pattern(i, sizes[i]);
        if (!wrap) continue;
        major = gss_wrap(&minor, context, conf, GSS_C_QOP_DEFAULT, &messages[i], &confidential[i], &tokens[i]);
        check(major, minor, GSS_C_NO_OID);
    }
    for (size_t i = 0; sent == 0 && i < count; i++) order[i] = i;
    if (sent == 0) sent = count;
    int flags = DATA | (wrap ? WRAPPED : 0) | (conf ? ENCRYPTED : 0) | (mic ? SEND_MIC : 0);
    for (size_t i = 0; i < sent; i++) {
        long index = order[i];
        gss_buffer_desc answer;
        if (options.alter != NULL && (i == 0 || options.answers == NULL)) ((char *)tokens[index].value)[atol(options.alter)] ^= 1;
        send_frame(flags, tokens[index].value, tokens[index].length);
        if (options.answers != NULL) continue;
        int answer_flags = receive_frame(&answer), is_signed = framing == 1 || answer_flags == MIC;
        if (is_signed) {
            major = gss_verify_mic(&minor, context, &messages[index], &answer, NULL);
            check(major, minor, GSS_C_NO_OID);
            if (major != GSS_S_COMPLETE) fail(major, "supplementary status of a MIC");
        } else if (answer_flags != NOOP) {
            fail(0, "unexpected flags");
        }
        printf("{\"event\":\"message\",\"index\":%ld,\"size\":%ld,\"wrapped\":%s,\"confidential\":%s,\"answer\":\"%s\"}\n",
               index, sizes[index], wrap ? "true" : "false", confidential[index] ? "true" : "false",
               is_signed ? "mic" : "noop");
    }
    for (size_t i = 0; options.mics != NULL && i < sent; i++) {
        gss_buffer_desc token;
        major = gss_get_mic(&minor, context, GSS_C_QOP_DEFAULT, &messages[order[i]], &token);
        check(major, minor, GSS_C_NO_OID);
        send_frame(MIC, token.value, token.length);
    }
    if (framing == 2) send_frame(NOOP, "", 0);
    if (options.answers != NULL) take_answers(context, messages, count);
    return sent;
}

static void read_options(int argc, char **argv) {
    const struct { const char *name; const char **value; } known[] = {
        {"host", &options.host}, {"port", &options.port}, {"service", &options.service}, {"mech", &options.mech},
        {"framing", &options.framing}, {"flags", &options.flags}, {"bindings", &options.bindings},
        {"addresses", &options.addresses}, {"sizes", &options.sizes}, {"order", &options.order},
        {"alter", &options.alter}, {"wrap", &options.wrap}, {"conf", &options.conf}, {"mic", &options.mic},
        {"answers", &options.answers}, {"mics", &options.mics}, {"offer", &options.offer}, {"prf", &options.prf},
    };
    for (int i = 1; i + 1 < argc; i += 2)
        for (size_t j = 0; j < COUNT(known); j++)
            if (strcmp(argv[i] + 2, known[j].name) == 0) *known[j].value = argv[i + 1];
    framing = atoi(options.framing);
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int on = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(argc, argv);
    peer = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    address.sin_port = htons(atoi(options.port));
    inet_pton(AF_INET, options.host, &address.sin_addr);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) fail(0, "cannot connect");
    during = "establish";
    gss_ctx_id_t context = establish();
    say_established(context);
    during = "exchange";
    printf("{\"event\":\"done\",\"messages\":%zu}\n", exchange(context));
    return 0;
}
