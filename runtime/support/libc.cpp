// What the compiler, libstdc++'s headers and Debian's libbearssl.a refer to.
// A broken precondition ends the enclave: there is nobody to throw to.
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

std::size_t strlen(const char* text) {
    std::size_t size = 0;
    while (text[size] != 0) size++;
    return size;
}

void* memchr(const void* in, int value, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(in);
    for (std::size_t i = 0; i < size; i++) {
        if (bytes[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(bytes + i);
    }
    return nullptr;
}

[[noreturn]] void __cxa_pure_virtual() {
    __builtin_trap();
}
[[noreturn]] void abort() {
    __builtin_trap();
}

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

namespace std {
[[noreturn]] void __throw_bad_alloc() {
    __builtin_trap();
}
[[noreturn]] void __throw_bad_array_new_length() {
    __builtin_trap();
}
[[noreturn]] void __throw_length_error(const char*) {
    __builtin_trap();
}
[[noreturn]] void __throw_logic_error(const char*) {
    __builtin_trap();
}
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) {
    __builtin_trap();
}
[[noreturn]] void __throw_bad_optional_access() {
    __builtin_trap();
}
}  // namespace std
