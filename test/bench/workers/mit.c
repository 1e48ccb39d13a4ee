/*
 * MIT krb5's libgssapi as a contender, with CYRUS defined the server of Cyrus SASL on top of it: the
 * protocol of protocol.ts on stdin and stdout.
 * A credential is acquired once for each keytab; the time is taken around the call alone.
 */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef CYRUS
#include <sasl/sasl.h>
#endif

typedef struct {
    unsigned char *bytes;
    size_t length;
} Buffer;

static gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
static gss_ctx_id_t context = GSS_C_NO_CONTEXT;
static char failure[1024];

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(unsigned char *p, uint32_t value)
{
    p[0] = value >> 24;
    p[1] = value >> 16;
    p[2] = value >> 8;
    p[3] = value;
}

/* Splits a payload into its items; the array is the caller's to free. */
static size_t get_items(unsigned char *p, size_t length, gss_buffer_desc **items)
{
    size_t count = 0;
    for (size_t at = 0; at < length; at += 4 + get_u32(p + at))
        count++;
    *items = calloc(count + 1, sizeof(**items));
    size_t i = 0;
    for (size_t at = 0; at < length; at += 4 + (*items)[i++].length) {
        (*items)[i].length = get_u32(p + at);
        (*items)[i].value = p + at + 4;
    }
    return count;
}

static int fail(const char *call, OM_uint32 major, OM_uint32 minor)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc major_text = GSS_C_EMPTY_BUFFER, minor_text = GSS_C_EMPTY_BUFFER;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &major_text);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID, &more, &minor_text);
    snprintf(failure, sizeof(failure), "%s: %.*s: %.*s", call, (int)major_text.length,
             (char *)major_text.value, (int)minor_text.length, (char *)minor_text.value);
    gss_release_buffer(&ignored, &major_text);
    gss_release_buffer(&ignored, &minor_text);
    return 0;
}

static int use_keytab(Buffer request)
{
    OM_uint32 major, minor;
    char *path = strndup((char *)request.bytes, request.length);
    setenv("KRB5_KTNAME", path, 1);
    gss_key_value_element_desc element = { "keytab", path };
    gss_key_value_set_desc store = { 1, &element };
    gss_release_cred(&minor, &credential);
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                  GSS_C_ACCEPT, &store, &credential, NULL, NULL);
    free(path);
    return major == GSS_S_COMPLETE ? 1 : fail("gss_acquire_cred_from", major, minor);
}

static int accept_one(gss_buffer_t token, gss_ctx_id_t *made, gss_buffer_t output, uint32_t *took)
{
    OM_uint32 major, minor, ignored, flags;
    gss_name_t initiator = GSS_C_NO_NAME;
    *made = GSS_C_NO_CONTEXT;
    uint64_t start = nanoseconds(CLOCK_MONOTONIC);
    major = gss_accept_sec_context(&minor, made, credential, token, GSS_C_NO_CHANNEL_BINDINGS,
                                   &initiator, NULL, output, &flags, NULL, NULL);
    *took = (uint32_t)(nanoseconds(CLOCK_MONOTONIC) - start);
    gss_release_name(&ignored, &initiator);
    return major == GSS_S_COMPLETE ? 1 : fail("gss_accept_sec_context", major, minor);
}

static int accept_all(Buffer request, Buffer *reply)
{
    OM_uint32 minor;
    gss_buffer_desc *tokens;
    size_t count = get_items(request.bytes, request.length, &tokens);
    int good = 1;
    reply->length = 8 + 4 * count;
    reply->bytes = malloc(reply->length);
    uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count && good; i++) {
        gss_ctx_id_t made;
        gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
        uint32_t took;
        good = accept_one(&tokens[i], &made, &output, &took);
        put_u32(reply->bytes + 8 + 4 * i, took);
        gss_release_buffer(&minor, &output);
        gss_delete_sec_context(&minor, &made, GSS_C_NO_BUFFER);
    }
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    put_u32(reply->bytes, cpu >> 32);
    put_u32(reply->bytes + 4, (uint32_t)cpu);
    free(tokens);
    return good;
}

static int establish(Buffer request, Buffer *reply)
{
    OM_uint32 minor;
    gss_buffer_desc token = { request.length, request.bytes }, output = GSS_C_EMPTY_BUFFER;
    uint32_t took;
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    int good = accept_one(&token, &context, &output, &took);
    reply->length = output.length;
    reply->bytes = malloc(output.length + 1);
    if (output.length > 0)
        memcpy(reply->bytes, output.value, output.length);
    gss_release_buffer(&minor, &output);
    return good;
}

#ifdef CYRUS
/* That of realm.ts. */
#define HOST "appserver01.corp.example.test"

static sasl_conn_t *connection;

static int fail_sasl(const char *call)
{
    snprintf(failure, sizeof(failure), "%s: %s", call, sasl_errdetail(connection));
    return 0;
}

/* u8 1 for the first response | the response. Replies with the challenge; none after the last one. */
static int step_sasl(Buffer request, Buffer *reply)
{
    static int initialized;
    const char *challenge = NULL, *response = (char *)request.bytes + 1;
    unsigned length = 0, sent = (unsigned)request.length - 1;
    int code;
    if (!initialized && sasl_server_init(NULL, "bench") != SASL_OK)
        return fail_sasl("sasl_server_init");
    initialized = 1;
    if (request.bytes[0] == 1) {
        sasl_security_properties_t properties = { .max_ssf = 256, .maxbufsize = 65536 };
        sasl_dispose(&connection);
        if (sasl_server_new("host", HOST, NULL, NULL, NULL, NULL, SASL_SUCCESS_DATA,
                            &connection) != SASL_OK)
            return fail_sasl("sasl_server_new");
        sasl_setprop(connection, SASL_SEC_PROPS, &properties);
        code = sasl_server_start(connection, "GSSAPI", response, sent, &challenge, &length);
    } else {
        code = sasl_server_step(connection, response, sent, &challenge, &length);
    }
    if (code != SASL_OK && code != SASL_CONTINUE)
        return fail_sasl("sasl_server_step");
    reply->length = challenge == NULL ? 0 : length;
    reply->bytes = malloc(reply->length + 1);
    if (challenge != NULL)
        memcpy(reply->bytes, challenge, length);
    return 1;
}

/* The library owns the output, until the next call. */
static int frame_call(char kind, const gss_buffer_desc *item)
{
    const char *output;
    unsigned length;
    int code = kind == 'f' ? sasl_encode(connection, item->value, item->length, &output, &length)
                           : sasl_decode(connection, item->value, item->length, &output, &length);
    return code == SASL_OK ? 1 : fail_sasl("frame");
}
#endif

static int message_call(char kind, gss_buffer_desc *items, size_t count, size_t n)
{
    static unsigned char bytes[2 * 1024 * 1024];
    gss_buffer_desc scratch = { 0, bytes };
    OM_uint32 major, minor, ignored;
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    int state;
#ifdef CYRUS
    if (kind == 'f' || kind == 'd')
        return frame_call(kind, &items[n % count]);
#endif
    switch (kind) {
    case 'w':
    case 's':
        major = gss_wrap(&minor, context, kind == 'w', GSS_C_QOP_DEFAULT, &items[0], &state,
                         &output);
        break;
    case 'u':
        /* MIT krb5 writes into signed tokens, and these come again: two per cent for a copy. */
        scratch.length = items[n % count].length;
        memcpy(scratch.value, items[n % count].value, scratch.length);
        major = gss_unwrap(&minor, context, &scratch, &output, &state, NULL);
        break;
    case 'g':
        major = gss_get_mic(&minor, context, GSS_C_QOP_DEFAULT, &items[0], &output);
        break;
    case 'v':
        major = gss_verify_mic(&minor, context, &items[0], &items[1 + n % (count - 1)], NULL);
        break;
    default:
        return fail("unknown kind of message", GSS_S_UNAVAILABLE, 0);
    }
    gss_release_buffer(&ignored, &output);
    /* Tokens come again and again: that they are duplicates is no error here. */
    return GSS_ERROR(major) ? fail("message call", major, minor) : 1;
}

static int run_messages(Buffer request, Buffer *reply)
{
    gss_buffer_desc *items;
    uint32_t batches = get_u32(request.bytes + 1), calls = get_u32(request.bytes + 5);
    size_t count = get_items(request.bytes + 9, request.length - 9, &items), n = 0;
    int good = 1;
    reply->length = 8 + 4 * (size_t)batches;
    reply->bytes = malloc(reply->length);
    uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t batch = 0; batch < batches && good; batch++) {
        uint64_t start = nanoseconds(CLOCK_MONOTONIC);
        for (uint32_t i = 0; i < calls && good; i++)
            good = message_call((char)request.bytes[0], items, count, n++);
        put_u32(reply->bytes + 8 + 4 * (size_t)batch,
                (uint32_t)(nanoseconds(CLOCK_MONOTONIC) - start));
    }
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    put_u32(reply->bytes, cpu >> 32);
    put_u32(reply->bytes + 4, (uint32_t)cpu);
    free(items);
    return good;
}

static int transfer(Buffer request, Buffer *reply)
{
    OM_uint32 major = GSS_S_COMPLETE, minor, ignored;
    uint32_t calls = get_u32(request.bytes);
    reply->length = 8 + 4 * (size_t)calls;
    reply->bytes = malloc(reply->length);
    uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < calls && major == GSS_S_COMPLETE; i++) {
        gss_buffer_desc exported = GSS_C_EMPTY_BUFFER;
        uint64_t start = nanoseconds(CLOCK_MONOTONIC);
        major = gss_export_sec_context(&minor, &context, &exported);
        if (major == GSS_S_COMPLETE)
            major = gss_import_sec_context(&minor, &exported, &context);
        put_u32(reply->bytes + 8 + 4 * (size_t)i,
                (uint32_t)(nanoseconds(CLOCK_MONOTONIC) - start));
        gss_release_buffer(&ignored, &exported);
    }
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    put_u32(reply->bytes, cpu >> 32);
    put_u32(reply->bytes + 4, (uint32_t)cpu);
    return major == GSS_S_COMPLETE ? 1 : fail("export and import", major, minor);
}

static int serve(unsigned char operation, Buffer request, Buffer *reply)
{
    switch (operation) {
    case 'k':
        return use_keytab(request);
    case 'a':
        return accept_all(request, reply);
    case 'c':
        return establish(request, reply);
    case 'm':
        return run_messages(request, reply);
    case 'x':
        return transfer(request, reply);
#ifdef CYRUS
    case 'l':
        return step_sasl(request, reply);
#endif
    default:
        return fail("unknown operation", GSS_S_UNAVAILABLE, 0);
    }
}

int main(void)
{
    unsigned char head[5];
    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        Buffer request = { NULL, get_u32(head) - 1 }, reply = { NULL, 0 };
        request.bytes = malloc(request.length + 1);
        if (fread(request.bytes, 1, request.length, stdin) != request.length)
            return 1;
        int good = serve(head[4], request, &reply);
        if (!good) {
            free(reply.bytes);
            reply.bytes = (unsigned char *)strdup(failure);
            reply.length = strlen(failure);
        }
        put_u32(head, (uint32_t)reply.length + 1);
        head[4] = !good;
        fwrite(head, 1, sizeof(head), stdout);
        fwrite(reply.bytes, 1, reply.length, stdout);
        fflush(stdout);
        free(request.bytes);
        free(reply.bytes);
    }
    return 0;
}
