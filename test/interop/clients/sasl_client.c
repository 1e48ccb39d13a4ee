/*
 * A client of Cyrus SASL over standard input and output, in lines of hex.
 *
 *   sasl_client MECHANISM SERVICE HOST MIN_SSF MAX_SSF BUFFER NAME USER AD_COMPAT [TYPE BINDINGS]
 *
 * NAME is the client's own, which GS2 asks for; USER is whom it wants to act as, or empty
 *
 * It prints `response HEX` for each line `challenge HEX`, then `done SSF BUFFER`. Afterwards `wrap HEX`
 * is answered by `frames HEX` and `unwrap HEX` by `plain HEX`. A failure prints `error TEXT` and ends it.
 */
#include <sasl/sasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name;
static const char *user;
static const char *ad_compat;

static int get_simple(void *context, int id, const char **result, unsigned *length)
{
    (void)context;
    *result = id == SASL_CB_AUTHNAME ? name : user;
    if (length != NULL) *length = strlen(*result);
    return SASL_OK;
}

static int get_option(void *context, const char *plugin, const char *option, const char **result,
                      unsigned *length)
{
    (void)context;
    (void)plugin;
    if (strcmp(option, "ad_compat") != 0) return SASL_FAIL;
    *result = ad_compat;
    if (length != NULL) *length = strlen(ad_compat);
    return SASL_OK;
}

static void fail(sasl_conn_t *connection, const char *what, int code)
{
    const char *detail =
        connection == NULL ? sasl_errstring(code, NULL, NULL) : sasl_errdetail(connection);
    printf("error %s: %d %s\n", what, code, detail);
    exit(0);
}

static void print_hex(const char *name, const char *bytes, unsigned length)
{
    printf("%s ", name);
    for (unsigned i = 0; i < length; i++) printf("%02x", (unsigned char)bytes[i]);
    printf("\n");
    fflush(stdout);
}

static char *from_hex(const char *text, unsigned *length)
{
    unsigned count = strspn(text, "0123456789abcdef") / 2;
    char *bytes = malloc(count + 1);
    for (unsigned i = 0; i < count; i++) {
        unsigned byte;
        sscanf(text + 2 * i, "%2x", &byte);
        bytes[i] = (char)byte;
    }
    *length = count;
    return bytes;
}

/* The bytes behind a word of the next line; NULL at the end of the input. */
static char *next(char *word, unsigned *length)
{
    static char *line;
    static size_t size;
    if (getline(&line, &size, stdin) <= 0) return NULL;
    char *space = strchr(line, ' ');
    if (space == NULL) return NULL;
    *space = '\0';
    strncpy(word, line, 15);
    return from_hex(space + 1, length);
}

static void authenticate(sasl_conn_t *connection, const char *mechanism)
{
    const char *out, *chosen;
    unsigned length;
    char word[16] = "";
    int code = sasl_client_start(connection, mechanism, NULL, &out, &length, &chosen);
    if (code != SASL_OK && code != SASL_CONTINUE) fail(connection, "start", code);
    print_hex("response", out, length);
    while (code == SASL_CONTINUE) {
        char *challenge = next(word, &length);
        if (challenge == NULL) exit(0);
        code = sasl_client_step(connection, challenge, length, NULL, &out, &length);
        free(challenge);
        if (code != SASL_OK && code != SASL_CONTINUE) fail(connection, "step", code);
        print_hex("response", out, out == NULL ? 0 : length);
    }
}

static void report(sasl_conn_t *connection)
{
    const void *ssf, *buffer;
    sasl_getprop(connection, SASL_SSF, &ssf);
    sasl_getprop(connection, SASL_MAXOUTBUF, &buffer);
    printf("done %u %u\n", *(const sasl_ssf_t *)ssf, *(const unsigned *)buffer);
    fflush(stdout);
}

static void talk(sasl_conn_t *connection)
{
    char word[16] = "";
    unsigned length, out_length;
    for (char *bytes; (bytes = next(word, &length)) != NULL; free(bytes)) {
        const char *out = "";
        int wrap = strcmp(word, "wrap") == 0;
        int code = wrap ? sasl_encode(connection, bytes, length, &out, &out_length)
                        : sasl_decode(connection, bytes, length, &out, &out_length);
        if (code != SASL_OK) fail(connection, word, code);
        print_hex(wrap ? "frames" : "plain", out, out_length);
    }
}

int main(int argc, char **argv)
{
    if (argc < 10) return 2;
    name = argv[7];
    user = argv[8];
    ad_compat = argv[9];
    sasl_callback_t callbacks[] = {
        { SASL_CB_AUTHNAME, (int (*)(void))(void (*)(void))get_simple, NULL },
        { SASL_CB_USER, (int (*)(void))(void (*)(void))get_simple, NULL },
        { SASL_CB_GETOPT, (int (*)(void))(void (*)(void))get_option, NULL },
        { SASL_CB_LIST_END, NULL, NULL },
    };
    sasl_security_properties_t properties = { 0 };
    properties.min_ssf = (sasl_ssf_t)atoi(argv[4]);
    properties.max_ssf = (sasl_ssf_t)atoi(argv[5]);
    properties.maxbufsize = (unsigned)atoi(argv[6]);
    sasl_channel_binding_t bindings = { 0 };
    sasl_conn_t *connection = NULL;
    int code = sasl_client_init(callbacks);
    if (code == SASL_OK) {
        code = sasl_client_new(argv[2], argv[3], NULL, NULL, callbacks, SASL_SUCCESS_DATA, &connection);
    }
    if (code == SASL_OK) code = sasl_setprop(connection, SASL_SEC_PROPS, &properties);
    if (code == SASL_OK && argc == 12) {
        unsigned length;
        bindings.name = argv[10];
        bindings.critical = 1;
        bindings.data = (unsigned char *)from_hex(argv[11], &length);
        bindings.len = length;
        code = sasl_setprop(connection, SASL_CHANNEL_BINDING, &bindings);
    }
    if (code != SASL_OK) fail(connection, "new", code);
    authenticate(connection, argv[1]);
    report(connection);
    talk(connection);
    return 0;
}
