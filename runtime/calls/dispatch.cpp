// The dispatch table, and what happens to calls that are not there.
#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/calls/call.hpp"
#include "runtime/entry/offsets.hpp"
#include "runtime/host/host.hpp"
#include "runtime/support/text.hpp"

namespace enclavisor::runtime {

// The functions, declared by the table with whatever parameters they have:
// each is registered by its own file through ENCLAVISOR_CALL.
#define DECLARE(number, name) std::int64_t entry_##name(Frame*);
#define NOTHING(number, name)
ENCLAVISOR_LINUX_CALLS(DECLARE, DECLARE, NOTHING)
#undef DECLARE

namespace {

using abi::kLinuxCallLimit;

std::uint32_t unsupported[kLinuxCallLimit + 1];

constexpr auto kNames = [] {
    std::array<std::string_view, kLinuxCallLimit> names{};
#define NAME(number, name) names[number] = #name;
    ENCLAVISOR_LINUX_CALLS(NAME, NAME, NAME)
#undef NAME
    return names;
}();

std::int64_t absent(Frame* frame) {
    count_unsupported(frame->rax);
    return -ENOSYS;
}

}  // namespace

void count_unsupported(std::uint64_t number) {
    __atomic_fetch_add(&unsupported[std::min<std::uint64_t>(number, kLinuxCallLimit)], 1, __ATOMIC_RELAXED);
}

void print_unsupported() {
    std::string text;
    for (int i = 0; i <= kLinuxCallLimit; i++) {
        if (unsupported[i] == 0) continue;
        text += text.empty() ? "enclavisor: unsupported: " : ", ";
        if (i < kLinuxCallLimit && !kNames[i].empty()) {
            text += kNames[i];
        } else {
            text += i == kLinuxCallLimit ? "(unknown)" : join("call ", i);
        }
        text += join(" x", unsupported[i]);
    }
    if (text.empty()) return;
    text += '\n';
    forward(abi::ForwardedCall::kWrite, 2, text.data(), text.size());
}

std::int64_t get_path(Address from, std::string& path) {
    char buffer[abi::kMaxPath];
    const long size = guarded_string(buffer, reinterpret_cast<const char*>(from), sizeof(buffer));
    if (size < 0) return -EFAULT;
    if (static_cast<std::size_t>(size) == sizeof(buffer)) return -ENAMETOOLONG;
    path.assign(buffer, static_cast<std::size_t>(size));
    return 0;
}

}  // namespace enclavisor::runtime

using namespace enclavisor::runtime;

static_assert(LINUX_CALL_LIMIT == kLinuxCallLimit);

// Indexed by the entry stub.
extern "C" {
extern const std::array<CallFunction, kLinuxCallLimit> linux_call_table;
}
constinit const std::array<CallFunction, kLinuxCallLimit> linux_call_table = [] {
    std::array<CallFunction, kLinuxCallLimit> table{};
    for (CallFunction& entry : table) entry = absent;
#define ENTER(number, name) table[number] = entry_##name;
    ENCLAVISOR_LINUX_CALLS(ENTER, ENTER, NOTHING)
#undef ENTER
    return table;
}();

extern "C" std::int64_t unknown_linux_call(Frame* frame) {
    return absent(frame);
}
