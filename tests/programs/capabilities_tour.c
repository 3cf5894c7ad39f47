// Capabilities and protection keys, as far as they are the same for whoever runs this.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct __user_cap_header_struct header;
static struct __user_cap_data_struct data[2];

static void say(const char* what, long result) {
    printf("%s: %s\n", what, result == 0 ? "0" : result > 0 ? "positive" : strerror(errno));
}

static long get(uint32_t version, int pid, void* to) {
    header.version = version;
    header.pid = pid;
    return syscall(SYS_capget, &header, to);
}
static long set(void) {
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = 0;
    return syscall(SYS_capset, &header, data);
}

int main(void) {
    say("capget", get(_LINUX_CAPABILITY_VERSION_3, 0, data));
    say("capget of itself", get(_LINUX_CAPABILITY_VERSION_3, getpid(), data));
    say("version 1", get(_LINUX_CAPABILITY_VERSION_1, 0, data));
    say("unknown version", get(1, 0, data));
    printf("known version: %x\n", header.version);
    say("unknown version, no data", get(1, 0, NULL));
    say("no data", get(_LINUX_CAPABILITY_VERSION_3, 0, NULL));
    say("negative pid", get(_LINUX_CAPABILITY_VERSION_3, -5, data));
    say("nobody", get(_LINUX_CAPABILITY_VERSION_3, 0x3ffffff0, data));
    say("bad header", syscall(SYS_capget, (void*)8, data));
    say("bad data", get(_LINUX_CAPABILITY_VERSION_3, 0, (void*)8));
    get(_LINUX_CAPABILITY_VERSION_3, 0, data);
    say("the same again", set());
    memset(data, 0, sizeof(data));
    data[0].effective = 1;
    say("effective without permitted", set());
    memset(data, 0, sizeof(data));
    say("none", set());
    memset(data, 0xff, sizeof(data));
    get(_LINUX_CAPABILITY_VERSION_3, 0, data);
    printf("left: %x %x %x %x\n", data[0].effective, data[0].permitted, data[1].effective, data[1].permitted);
    data[0].permitted = 1;
    say("back again", set());

    say("pkey_alloc with flags", syscall(SYS_pkey_alloc, 1, 0));
    say("pkey_alloc with odd rights", syscall(SYS_pkey_alloc, 0, 8));
    say("pkey_free of none", syscall(SYS_pkey_free, 15));
    void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("pkey_mprotect without key", syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, -1));
    say("pkey_mprotect with none", syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, 14));
    return 0;
}
