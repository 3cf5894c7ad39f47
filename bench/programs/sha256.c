/* OpenSSL's SHA-256 over 256 MiB: a buffer of 1 MiB that changes from round to round. */
#include <openssl/evp.h>

#include "bench/programs/measure.h"

enum { kBuffer = 1 << 20, kRounds = 256 };

int main(void) {
    const uint64_t begin = ticks();
    uint32_t* buffer = malloc(kBuffer);
    if (buffer == NULL) give_up("malloc");
    uint32_t state = 1;
    for (size_t i = 0; i < kBuffer / sizeof *buffer; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        buffer[i] = state;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    int good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (uint32_t round = 0; good && round < kRounds; round++) {
        buffer[0] = round;
        good = EVP_DigestUpdate(context, buffer, kBuffer);
    }
    if (!good || !EVP_DigestFinal_ex(context, digest, &size)) {
        fprintf(stderr, "EVP refuses SHA-256\n");
        return 1;
    }
    report("total", (double)(ticks() - begin));
    uint32_t check = 0; /* the same in both worlds, or the comparison is void */
    for (unsigned i = 0; i < 4; i++) check = check << 8 | digest[i];
    report("check", check);
    EVP_MD_CTX_free(context);
    free(buffer);
    return 0;
}
