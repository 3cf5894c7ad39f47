// What libstdc++'s headers refer to, beside base/bytes.cpp. There is nobody to
// throw to: a broken precondition ends the enclave, and says which.
#include <cstddef>

#include "sdk/include/enclavisor/function.hpp"

using enclavisor::sdk::panic;

extern "C" {

std::size_t strlen(const char* text) {
    std::size_t size = 0;
    while (text[size] != 0) size++;
    return size;
}

[[noreturn]] void __cxa_pure_virtual() {
    panic("a pure virtual function was called");
}
[[noreturn]] void abort() {
    panic("abort()");
}
}

namespace std {
[[noreturn]] void __throw_bad_alloc() {
    panic("no memory");
}
[[noreturn]] void __throw_bad_array_new_length() {
    panic("an array too large");
}
[[noreturn]] void __throw_length_error(const char* what) {
    panic(what);
}
[[noreturn]] void __throw_logic_error(const char* what) {
    panic(what);
}
[[noreturn]] void __throw_out_of_range_fmt(const char* what, ...) {
    panic(what);
}
[[noreturn]] void __throw_bad_optional_access() {
    panic("an empty optional was asked for its value");
}
[[noreturn]] void __throw_bad_function_call() {
    panic("an empty function was called");
}
}  // namespace std
