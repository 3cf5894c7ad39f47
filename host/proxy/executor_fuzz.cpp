// Any submission over any data; the "kernel" touches every byte that it may.
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstring>

#include "host/proxy/executor.hpp"

using namespace enclavisor;
using namespace enclavisor::host;

namespace {

int current_call;
SystemCallArguments lengths;

void touch(void* buffer, std::size_t size) {
    if (buffer != nullptr && size != 0) std::memset(buffer, 0x5a, size);
}

// sendmsg or recvmsg.
std::int64_t touch_message(const msghdr& message) {
    touch(message.msg_name, message.msg_namelen);
    for (std::size_t i = 0; i < message.msg_iovlen; i++)
        touch(message.msg_iov[i].iov_base, message.msg_iov[i].iov_len);
    touch(message.msg_control, message.msg_controllen);
    return 0;
}

// Reads or writes the buffers as the real call would.
std::int64_t touch(int number, const SystemCallArguments& arguments) {
    if (number == SYS_sendmsg || number == SYS_recvmsg)
        return touch_message(*reinterpret_cast<const msghdr*>(arguments[1]));
    const abi::CallSpec& spec = abi::kForwardedCalls[static_cast<std::size_t>(current_call)];
    for (std::size_t i = 0; i < 6; i++) {
        const abi::Argument& argument = spec.arguments[i];
        auto* buffer = reinterpret_cast<unsigned char*>(arguments[i]);
        std::size_t size = argument.size;
        switch (argument.kind) {
            case abi::ArgumentKind::kPath:
                if (buffer != nullptr && std::strlen(reinterpret_cast<char*>(buffer)) >= abi::kMaxPath)
                    __builtin_trap();
                continue;
            case abi::ArgumentKind::kInput:
            case abi::ArgumentKind::kOutput:
            case abi::ArgumentKind::kInOut:
                size *= lengths[argument.length];
                break;
            case abi::ArgumentKind::kInputStruct:
            case abi::ArgumentKind::kOutputStruct:
            case abi::ArgumentKind::kInOutStruct:
                break;
            default:
                continue;
        }
        touch(buffer, size);
    }
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    abi::SubmissionEntry entry;
    if (size < sizeof(entry)) return 0;
    std::memcpy(&entry, input, sizeof(entry));
    // Large numbers in a few bits, so that both sides of every bound are met.
    for (std::uint64_t& argument : entry.arguments) {
        if ((argument & 0xff) < 0xc0) argument = (argument >> 8) & 0xffff;
    }
    std::vector<std::byte> data(size - sizeof(entry));
    if (!data.empty()) std::memcpy(data.data(), input + sizeof(entry), data.size());
    current_call = static_cast<int>(entry.call);
    std::copy(std::begin(entry.arguments), std::end(entry.arguments), lengths.begin());
    Executor executor{{900}, touch};
    executor.execute(entry, data);
    return 0;
}
