// memcpy and its relatives, which the compiler calls on its own, for all that runs
// in the VM without a C library. Compiled into each, never with link-time
// optimisation, which would lose them.
#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
    void* result = to;
    std::size_t words = size / 8, rest = size % 8;
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest)::"memory");
    return result;
}

void* memset(void* to, int value, std::size_t size) {
    void* result = to;
    std::size_t words = size / 8, rest = size % 8;
    const std::uint64_t pattern = 0x0101'0101'0101'0101 * static_cast<unsigned char>(value);
    asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    asm volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return result;
}

void* memmove(void* to, const void* from, std::size_t size) {
    if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= size) {
        return memcpy(to, from, size);
    }
    auto* end = static_cast<std::byte*>(to) + size - 1;
    const auto* source = static_cast<const std::byte*>(from) + size - 1;
    asm volatile("std; rep movsb; cld" : "+D"(end), "+S"(source), "+c"(size)::"memory", "cc");
    return to;
}

int memcmp(const void* a, const void* b, std::size_t size) {
    const auto* x = static_cast<const unsigned char*>(a);
    const auto* y = static_cast<const unsigned char*>(b);
    for (std::size_t i = 0; i < size; i++) {
        if (x[i] != y[i]) return x[i] - y[i];
    }
    return 0;
}
}
