#include "host/lib/execution.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "host/lib/fd_message.hpp"

namespace enclavisor::host {

Result<std::vector<std::byte>> execution_request(const std::vector<std::string>& words,
                                                 std::span<const std::int32_t> standard) {
    abi::ExecutionRequest head{};
    std::size_t size = sizeof(head);
    for (const std::string& word : words) size += word.size() + 1;
    if (size > abi::kMaxExecutionRequest)
        return fail("the arguments are too long",
                    fmt::format("there is room for {} KiB", abi::kMaxExecutionRequest >> 10));
    head.magic = abi::kExecutionMagic;
    head.size = static_cast<std::uint32_t>(size);
    head.words = static_cast<std::uint32_t>(words.size());
    for (std::size_t i = 0; i < standard.size(); i++) head.standard[i] = standard[i];
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), &head, sizeof(head));
    std::size_t at = sizeof(head);
    for (const std::string& word : words) {
        std::memcpy(bytes.data() + at, word.c_str(), word.size() + 1);
        at += word.size() + 1;
    }
    return bytes;
}

Result<int> Execution::ended() const {
    abi::ExecutionAnswer answer{};
    if (!receive_message(socket_.get(), std::as_writable_bytes(std::span{&answer, 1})))
        return fail("the enclave ended", "see enclavisor ps");
    if (answer.error == -EPERM) {
        return fail(fmt::format("the enclave does not allow '{}'", program_),
                    "its manifest's exec.allow says which programs, and with which arguments",
                    kExitNotExecutable);
    }
    if (answer.error != 0) {
        return fail(fmt::format("cannot execute '{}': {}", program_, std::strerror(-answer.error)),
                    "give a path in the enclave, or a name that its PATH leads to",
                    answer.error == -ENOENT ? kExitNotFound : kExitNotExecutable);
    }
    return WIFSIGNALED(answer.status) ? 128 + WTERMSIG(answer.status) : WEXITSTATUS(answer.status);
}

}  // namespace enclavisor::host
