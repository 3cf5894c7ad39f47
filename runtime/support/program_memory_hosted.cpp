// For unit tests on the host: what entry.S does, where the first page stands
// for everything that cannot be accessed.
#include <cstring>

#include "runtime/memory/shown_page.hpp"
#include "runtime/support/program_memory.hpp"

namespace {

bool accessible(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) >= 4096;
}

}  // namespace

void enclavisor::runtime::replace_page(std::byte*) {}

extern "C" {

bool guarded_copy(void* to, const void* from, std::size_t size) {
    if (size == 0) return true;
    if (!accessible(to) || !accessible(from)) return false;
    std::memcpy(to, from, size);
    return true;
}

bool guarded_exchange(std::uint32_t* at, std::uint32_t* expected, std::uint32_t desired) {
    if (!accessible(at)) return false;
    __atomic_compare_exchange_n(at, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return true;
}

long guarded_string(char* to, const char* from, std::size_t room) {
    if (!accessible(from)) return -1;
    for (std::size_t i = 0; i < room; i++) {
        to[i] = from[i];
        if (from[i] == 0) return static_cast<long>(i);
    }
    return static_cast<long>(room);
}
}
