#include "host/proxy/executor.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/checked.hpp"

namespace enclavisor::host {
namespace {

using abi::ArgumentKind;

// A descriptor that no process has: poll answers POLLNVAL.
constexpr int kNoSuchFd = 0x7fff'ffff;

bool goes_in(ArgumentKind kind) {
    return kind == ArgumentKind::kInputStruct || kind == ArgumentKind::kInOutStruct ||
           kind == ArgumentKind::kInOut;
}
bool comes_out(ArgumentKind kind) {
    return kind == ArgumentKind::kOutputStruct || kind == ArgumentKind::kInOutStruct ||
           kind == ArgumentKind::kInOut;
}

// A socket call's length word, which the kernel reads to learn how much it may
// write to the structure before it.
bool is_length_of_previous(const abi::CallSpec& spec, std::size_t index) {
    return index > 0 && spec.arguments[index].kind == ArgumentKind::kInOutStruct &&
           spec.arguments[index].size == sizeof(std::uint32_t) &&
           spec.arguments[index - 1].kind == ArgumentKind::kOutputStruct;
}

}  // namespace

std::int64_t linux_system_call(int number, const SystemCallArguments& a) {
    const long result = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result == -1 ? -errno : result;
}

// A private copy that the kernel works on in place of shared memory, so that
// what was validated cannot change before it is used.
struct Executor::Bounce {
    std::vector<std::byte> bytes;
    std::uint64_t offset;  // where it goes back to
    bool back;
};

bool Executor::is_own(std::uint64_t fd) const {
    return std::find(own_fds_.begin(), own_fds_.end(), static_cast<int>(fd)) != own_fds_.end();
}

void Executor::hide_own_fds(std::span<std::byte> poll_list) const {
    for (std::size_t at = 0; at + sizeof(pollfd) <= poll_list.size(); at += sizeof(pollfd)) {
        pollfd entry;
        std::memcpy(&entry, poll_list.data() + at, sizeof(entry));
        if (!is_own(static_cast<std::uint64_t>(entry.fd))) continue;
        entry.fd = kNoSuchFd;
        std::memcpy(poll_list.data() + at, &entry, sizeof(entry));
    }
}

std::int64_t Executor::prepare(const abi::CallSpec& spec, const abi::SubmissionEntry& entry,
                               std::size_t index, std::span<std::byte> data, std::vector<Bounce>& bounces,
                               SystemCallArguments& arguments) {
    const abi::Argument& argument = spec.arguments[index];
    const std::uint64_t given = entry.arguments[index];
    std::uint64_t& taken = arguments[index];
    switch (argument.kind) {
        case ArgumentKind::kNone:
            return 0;
        case ArgumentKind::kValue:
            taken = given;
            return 0;
        case ArgumentKind::kConstant:
            taken = argument.size;
            return 0;
        case ArgumentKind::kHashes:
            taken = static_cast<std::uint64_t>(static_cast<std::int64_t>(hashes_));
            return 0;
        case ArgumentKind::kFd:
            if (is_own(given)) return -EBADF;
            taken = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<int>(given)));
            return 0;
        default:
            break;
    }
    if (given == abi::kNoBuffer) {
        taken = 0;
        return 0;
    }
    std::uint64_t size = argument.size;
    if (argument.kind == ArgumentKind::kPath) {
        if (given >= data.size()) return -EFAULT;
        size = std::min<std::uint64_t>(abi::kMaxPath, data.size() - given);
    } else if (argument.kind == ArgumentKind::kInput || argument.kind == ArgumentKind::kOutput ||
               argument.kind == ArgumentKind::kInOut) {
        const auto bytes = base::checked_multiply(entry.arguments[argument.length], size);
        if (!bytes) return -EFAULT;
        size = *bytes;
    }
    if (!base::range_within(given, size, 0, data.size())) return -EFAULT;
    std::byte* shared = data.data() + given;
    if (argument.kind == ArgumentKind::kInput || argument.kind == ArgumentKind::kOutput) {
        // Bulk data: the kernel's own copy from or to user memory is the only one.
        taken = reinterpret_cast<std::uint64_t>(shared);
        return 0;
    }
    Bounce bounce{std::vector<std::byte>(size), given, comes_out(argument.kind)};
    if (argument.kind == ArgumentKind::kPath || goes_in(argument.kind)) {
        std::copy_n(shared, size, bounce.bytes.begin());
    }
    if (argument.kind == ArgumentKind::kPath) {
        const auto end = std::find(bounce.bytes.begin(), bounce.bytes.end(), std::byte{0});
        if (end == bounce.bytes.end()) return -ENAMETOOLONG;
    }
    if (is_length_of_previous(spec, index)) {
        std::uint32_t length;
        std::memcpy(&length, bounce.bytes.data(), sizeof(length));
        const std::uint32_t room = arguments[index - 1] == 0 ? 0 : spec.arguments[index - 1].size;
        length = std::min(length, room);
        std::memcpy(bounce.bytes.data(), &length, sizeof(length));
    }
    if (spec.call == abi::ForwardedCall::kPoll && argument.kind == ArgumentKind::kInOut)
        hide_own_fds(bounce.bytes);
    bounces.push_back(std::move(bounce));
    taken = reinterpret_cast<std::uint64_t>(bounces.back().bytes.data());
    return 0;
}

std::int64_t Executor::execute(const abi::SubmissionEntry& entry, std::span<std::byte> data) {
    if (entry.call >= abi::kForwardedCallCount) return -ENOSYS;
    const abi::CallSpec& spec = abi::kForwardedCalls[entry.call];
    SystemCallArguments arguments{};
    std::vector<Bounce> bounces;
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::int64_t refused = prepare(spec, entry, i, data, bounces, arguments);
        if (refused != 0) return refused;
    }
    const std::int64_t result = call_(spec.linux_number, arguments);
    if (result < 0) return result;
    for (const Bounce& bounce : bounces) {
        if (bounce.back) std::copy(bounce.bytes.begin(), bounce.bytes.end(), data.data() + bounce.offset);
    }
    return result;
}

}  // namespace enclavisor::host
