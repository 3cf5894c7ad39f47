// What Debian's libbearssl.a refers to beside memcpy: it is built with fortified
// functions and stack canaries. An overflow ends the enclave by an undefined instruction.
#include <cstddef>
#include <cstring>

extern "C" {

[[noreturn]] void __chk_fail() {
    __builtin_trap();
}
[[noreturn]] void __stack_chk_fail() {
    __builtin_trap();
}
void* __memcpy_chk(void* to, const void* from, std::size_t size, std::size_t room) {
    if (size > room) __chk_fail();
    return memcpy(to, from, size);
}
void* __memset_chk(void* to, int value, std::size_t size, std::size_t room) {
    if (size > room) __chk_fail();
    return memset(to, value, size);
}
}
