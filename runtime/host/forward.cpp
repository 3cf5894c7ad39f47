#include "runtime/host/forward.hpp"

#include <cstring>
#include <optional>

#include "base/checked.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {
namespace {

using abi::Argument;
using abi::ArgumentKind;
using abi::ResultKind;

// Bytes of the buffer that argument `spec` describes; absent: overflow.
std::optional<std::uint64_t> capacity(const Argument& argument, const Arguments& arguments) {
    switch (argument.kind) {
        case ArgumentKind::kInput:
        case ArgumentKind::kOutput:
        case ArgumentKind::kInOut:
            return base::checked_multiply<std::uint64_t>(arguments[argument.length], argument.size);
        default: return argument.size;
    }
}

bool carries_in(ArgumentKind kind) {
    return kind == ArgumentKind::kInput || kind == ArgumentKind::kInOut || kind == ArgumentKind::kInputStruct ||
           kind == ArgumentKind::kInOutStruct;
}

bool carries_out(ArgumentKind kind) {
    return kind == ArgumentKind::kOutput || kind == ArgumentKind::kInOut || kind == ArgumentKind::kOutputStruct ||
           kind == ArgumentKind::kInOutStruct;
}

// The length that bounds a kCount result: that of the row's buffer.
std::uint64_t count_limit(const abi::CallSpec& spec, const Arguments& arguments) {
    for (const Argument& argument : spec.arguments) {
        if (argument.kind == ArgumentKind::kOutput || argument.kind == ArgumentKind::kInput) {
            return capacity(argument, arguments).value_or(0);
        }
    }
    return 0;
}

}  // namespace

bool result_allowed(const abi::CallSpec& spec, const Arguments& arguments, std::int64_t result) {
    if (result < 0) return result >= -abi::kMaxErrno;
    const auto value = static_cast<std::uint64_t>(result);
    switch (spec.result) {
        case ResultKind::kZero: return value == 0;
        case ResultKind::kFd: return result <= abi::kMaxHostFd;
        case ResultKind::kCount: return value <= count_limit(spec, arguments);
        case ResultKind::kPosition: return true;
        case ResultKind::kAtMost: return value <= spec.limit;
        case ResultKind::kAtMostArgument: return value <= arguments[spec.limit];
    }
    return false;
}

// Lays the buffers out in the data area, one after the other, and copies what
// goes to the host. 0 or -errno.
std::int64_t Forwarder::place(const abi::CallSpec& spec, const Arguments& arguments, abi::SubmissionEntry& entry) {
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < 6; i++) {
        const Argument& argument = spec.arguments[i];
        entry.arguments[i] = arguments[i];
        switch (argument.kind) {
            case ArgumentKind::kNone:
            case ArgumentKind::kConstant: entry.arguments[i] = 0; continue;
            case ArgumentKind::kValue:
            case ArgumentKind::kFd: continue;
            default: break;
        }
        if (arguments[i] == 0) {
            entry.arguments[i] = abi::kNoBuffer;
            continue;
        }
        entry.arguments[i] = next;
        std::byte* at = channel_->data() + next;
        std::uint64_t size;
        if (argument.kind == ArgumentKind::kPath) {
            // Only paths that the runtime holds come here: copied from the program once.
            const auto* path = reinterpret_cast<const char*>(arguments[i]);
            size = std::strlen(path) + 1;
            if (size > abi::kMaxPath || size > abi::kIoDataSize - next) return -ENAMETOOLONG;
            std::memcpy(at, path, size);
        } else {
            const auto bytes = capacity(argument, arguments);
            if (!bytes || *bytes > abi::kIoDataSize - next) return -EINVAL;
            size = *bytes;
            if (carries_in(argument.kind) && !copy_in(at, arguments[i], size)) return -EFAULT;
        }
        next = base::round_up<std::uint64_t>(next + size, 8);
        if (next > abi::kIoDataSize) next = abi::kIoDataSize;
    }
    return 0;
}

bool Forwarder::fetch(const abi::CallSpec& spec, const Arguments& arguments, const abi::SubmissionEntry& entry,
                      std::int64_t result) {
    for (std::size_t i = 0; i < 6; i++) {
        const Argument& argument = spec.arguments[i];
        if (!carries_out(argument.kind) || arguments[i] == 0) continue;
        std::uint64_t size = capacity(argument, arguments).value_or(0);
        if (argument.kind == ArgumentKind::kOutput) size = static_cast<std::uint64_t>(result);
        if (!copy_out(arguments[i], channel_->data() + entry.arguments[i], size)) return false;
    }
    return true;
}

std::int64_t Forwarder::operator()(abi::ForwardedCall call, const Arguments& arguments) {
    const abi::CallSpec& spec = abi::spec_of(call);
    abi::SubmissionEntry entry{};
    entry.call = static_cast<std::uint32_t>(call);
    if (const std::int64_t error = place(spec, arguments, entry); error != 0) return error;
    const std::int64_t result = channel_->call(entry);
    if (!result_allowed(spec, arguments, result)) return -EIO;
    if (result >= 0 && !fetch(spec, arguments, entry, result)) return -EFAULT;
    return result;
}

}  // namespace enclavisor::runtime
