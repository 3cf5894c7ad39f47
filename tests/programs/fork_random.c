/* Initialises OpenSSL's generator, becomes a template, and says in each instance
   what getrandom and OpenSSL give it: 32 bytes each, then what it was told, and what
   is left of memory that was to be wiped. */
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static void print_hex(const unsigned char* bytes, int size) {
    for (int i = 0; i < size; i++) printf("%02x", bytes[i]);
    putchar(' ');
}

int main(void) {
    unsigned char bytes[32], text[64];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return 1;
    const int before = getpid();
    char* wiped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (wiped == MAP_FAILED || madvise(wiped, 4096, MADV_WIPEONFORK) != 0) return 2;
    memset(wiped, 'w', 8192);

    const int ready = open("/dev/enclavisor/ready", O_RDONLY);
    if (ready < 0) return 3;
    const ssize_t size = read(ready, text, sizeof text - 1);
    if (size < 2) return 4;
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return 5;
    print_hex(bytes, sizeof bytes);
    if (RAND_bytes(bytes, sizeof bytes) != 1) return 6;
    print_hex(bytes, sizeof bytes);
    printf("%.*s %d %d %d\n", (int)size - 1, text, getpid() != before, wiped[0], wiped[4096]);
    return 0;
}
