// What libstdc++'s headers refer to, beside base/bytes.cpp.
// A broken precondition ends the enclave: there is nobody to throw to.
#include <cstddef>

extern "C" {

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
