// The few C functions that Debian's libbearssl.a refers to.
#include <cstddef>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
    void* result = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
    return result;
}

void* memmove(void* to, const void* from, std::size_t size) {
    auto* t = static_cast<char*>(to);
    const auto* f = static_cast<const char*>(from);
    if (t <= f) {
        for (std::size_t i = 0; i < size; i++) t[i] = f[i];
    } else {
        while (size-- > 0) t[size] = f[size];
    }
    return to;
}

void* memset(void* to, int value, std::size_t size) {
    void* result = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return result;
}

// An overflow or a broken canary: an undefined instruction ends the enclave,
// and with it the VM, which has lost what it vouches with.
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
