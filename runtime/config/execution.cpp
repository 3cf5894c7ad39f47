#include "runtime/config/execution.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/config/strings.hpp"

namespace enclavisor::runtime {

std::optional<Execution> parse_execution(std::span<const std::byte> bytes) {
    abi::ExecutionRequest head;
    if (bytes.size() < sizeof(head)) return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof(head));
    if (head.magic != abi::kExecutionMagic || head.size != bytes.size() || head.words == 0)
        return std::nullopt;
    Execution execution{};
    for (int i = 0; i < 3; i++) {
        execution.standard[i] = head.standard[i];
        if (head.standard[i] < 0) return std::nullopt;
    }
    std::string_view rest{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    rest.remove_prefix(sizeof(head));
    if (!take_strings(rest, head.words, execution.words) || !rest.empty()) return std::nullopt;
    if (execution.words[0].empty()) return std::nullopt;
    return execution;
}

bool may_execute(const Config& config) {
    return (config.options.flags & abi::kHostExecutes) || !config.may_execute.empty();
}

bool may_execute(const Config& config, std::string_view path, std::span<const std::string_view> words) {
    if (config.options.flags & abi::kHostExecutes) return true;
    return std::any_of(config.may_execute.begin(), config.may_execute.end(), [&](const MayExecute& allowed) {
        if (allowed.words[0] != path) return false;
        return !allowed.is_fixed ||
               std::equal(words.begin() + 1, words.end(), allowed.words.begin() + 1, allowed.words.end());
    });
}

}  // namespace enclavisor::runtime
