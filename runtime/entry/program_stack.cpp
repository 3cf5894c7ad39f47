#include "runtime/entry/program_stack.hpp"

#include <elf.h>

#include <cstring>

namespace enclavisor::runtime {
namespace {

constexpr std::string_view kPlatform = "x86_64";

}  // namespace

std::uint64_t ProgramStack::size() const {
    std::uint64_t bytes = sizeof(random) + executable.size() + 1 + kPlatform.size() + 1;
    for (const auto& list : {&arguments, &environment}) {
        for (const std::string_view text : *list) bytes += text.size() + 1;
    }
    const std::uint64_t words =
        1 + arguments.size() + 1 + environment.size() + 1 + 2 * (auxiliary.size() + 4);
    return bytes + words * 8 + 64;
}

std::uint64_t ProgramStack::write(std::uint64_t top) const {
    std::uint64_t at = top;
    auto push_bytes = [&](const void* bytes, std::size_t count) {
        at -= count;
        std::memcpy(reinterpret_cast<void*>(at), bytes, count);
        return at;
    };
    auto push_text = [&](std::string_view text) {
        *reinterpret_cast<char*>(--at) = 0;
        return push_bytes(text.data(), text.size());
    };
    const std::uint64_t executable_at = push_text(executable);
    // The texts stand in the order of their pointers, as some programs expect.
    auto push_list = [&](const std::vector<std::string_view>& list) {
        std::vector<std::uint64_t> addresses(list.size());
        for (std::size_t i = list.size(); i-- > 0;) addresses[i] = push_text(list[i]);
        return addresses;
    };
    const std::vector<std::uint64_t> environment_at = push_list(environment);
    const std::vector<std::uint64_t> arguments_at = push_list(arguments);
    const std::uint64_t platform_at = push_text(kPlatform);
    at &= ~15ull;
    const std::uint64_t random_at = push_bytes(random, sizeof(random));

    std::vector<std::uint64_t> words;
    words.push_back(arguments.size());
    words.insert(words.end(), arguments_at.begin(), arguments_at.end());
    words.push_back(0);
    words.insert(words.end(), environment_at.begin(), environment_at.end());
    words.push_back(0);
    auto entry = [&](std::uint64_t type, std::uint64_t value) {
        words.push_back(type);
        words.push_back(value);
    };
    for (const auto& [type, value] : auxiliary) entry(type, value);
    entry(AT_RANDOM, random_at);
    entry(AT_EXECFN, executable_at);
    entry(AT_PLATFORM, platform_at);
    entry(AT_NULL, 0);
    at = (at - words.size() * 8) & ~15ull;
    std::memcpy(reinterpret_cast<void*>(at), words.data(), words.size() * 8);
    return at;
}

}  // namespace enclavisor::runtime
