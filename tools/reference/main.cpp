// Prints a page of docs/ from the table that it documents.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "abi/enclave/linux_calls.hpp"
#include "abi/host/forwarded_calls.hpp"
#include "abi/host/io_area.hpp"

namespace enclavisor {
namespace {

using abi::Argument;
using abi::ArgumentKind;
using abi::ResultKind;

std::string units(const Argument& argument) {
    const std::string index = "argument " + std::to_string(argument.length);
    return argument.size == 1 ? index : index + " x " + std::to_string(argument.size);
}

std::string describe(const Argument& argument) {
    const std::string size = std::to_string(argument.size);
    switch (argument.kind) {
        case ArgumentKind::kNone:
            return "";
        case ArgumentKind::kValue:
            return "value";
        case ArgumentKind::kConstant:
            return "always " + size;
        case ArgumentKind::kHashes:
            return "hashes";
        case ArgumentKind::kFd:
            return "fd";
        case ArgumentKind::kPath:
            return "path";
        case ArgumentKind::kInput:
            return "in[" + units(argument) + "]";
        case ArgumentKind::kOutput:
            return "out[" + units(argument) + "]";
        case ArgumentKind::kInOut:
            return "in-out[" + units(argument) + "]";
        case ArgumentKind::kInputStruct:
            return "in{" + size + "}";
        case ArgumentKind::kOutputStruct:
            return "out{" + size + "}";
        case ArgumentKind::kInOutStruct:
            return "in-out{" + size + "}";
    }
    return "?";
}

std::string describe_result(const abi::CallSpec& spec) {
    switch (spec.result) {
        case ResultKind::kZero:
            return "0";
        case ResultKind::kFd:
            return "fd";
        case ResultKind::kCount:
            return "count";
        case ResultKind::kPosition:
            return "position";
        case ResultKind::kAtMost:
            return "0 to " + std::to_string(spec.limit);
        case ResultKind::kAtMostArgument:
            return "0 to argument " + std::to_string(spec.limit);
    }
    return "?";
}

void forwarded_calls() {
    std::printf(
        "# Forwarded calls\n"
        "\n"
        "Made from `abi/host/forwarded_calls.hpp` by `make docs`; do not edit.\n"
        "\n"
        "These %zu rows are everything that an enclave can ask of its host. The runtime marshals and checks "
        "by the "
        "table, the proxy executes\nby it. Arguments are counted from 0.\n"
        "\n"
        "| argument | meaning |\n"
        "|---|---|\n"
        "| value | a number, passed as it is |\n"
        "| always N | a number that the table fixes; the enclave has no say |\n"
        "| fd | a descriptor of the proxy (the program's own numbers stay in the enclave) |\n"
        "| hashes | the list of hashes that the enclave's trusted files have; the enclave has no say |\n"
        "| path | bytes up to a zero, at most %zu with it |\n"
        "| in[...], out[...], in-out[...] | a buffer to the host, from it, or both; its length is the named "
        "argument, in units if x is given |\n"
        "| in{N}, out{N}, in-out{N} | a structure of N bytes, the same ways |\n"
        "\n"
        "Buffers travel in the I/O area's data of %llu KiB. The runtime cuts longer reads and writes, and "
        "copies what "
        "comes back before it looks at it.\n"
        "\n"
        "| result | allowed answers |\n"
        "|---|---|\n"
        "| 0 | 0 |\n"
        "| fd | 0 to %lld |\n"
        "| count | 0 to the length of the row's buffer |\n"
        "| position | 0 to 2^63 - 1 |\n"
        "| 0 to N | as it says |\n"
        "\n"
        "Besides these every call may answer -1 to -%lld, a Linux error number. Any other answer becomes "
        "`-EIO` in the "
        "enclave.\n"
        "\n"
        "| # | call | Linux number | arguments | result |\n"
        "|---:|---|---:|---|---|\n",
        abi::kForwardedCallCount, abi::kMaxPath, static_cast<unsigned long long>(abi::kIoDataSize / 1024),
        static_cast<long long>(abi::kMaxHostFd), static_cast<long long>(abi::kMaxErrno));
    for (std::size_t row = 0; row < abi::kForwardedCalls.size(); row++) {
        const abi::CallSpec& spec = abi::kForwardedCalls[row];
        std::string arguments;
        for (const Argument& argument : spec.arguments) {
            const std::string text = describe(argument);
            if (!text.empty()) arguments += (arguments.empty() ? "" : ", ") + text;
        }
        std::printf("| %zu | `%.*s` | %d | %s | %s |\n", row, static_cast<int>(spec.name.size()),
                    spec.name.data(), spec.linux_number, arguments.c_str(), describe_result(spec).c_str());
    }
}

void print_names(const char* title, const std::vector<const char*>& names) {
    std::printf("\n## %s (%zu)\n\n", title, names.size());
    std::size_t column = 0;
    for (std::size_t i = 0; i < names.size(); i++) {
        const std::string word = std::string{names[i]} + (i + 1 < names.size() ? "," : "");
        if (column != 0 && column + 1 + word.size() > 110) {
            std::printf("\n");
            column = 0;
        }
        std::printf("%s%s", column == 0 ? "" : " ", word.c_str());
        column += word.size() + (column == 0 ? 0 : 1);
    }
    std::printf("\n");
}

void linux_calls() {
    std::vector<const char*> inside, forwarded, absent;
#define INSIDE(number, name) inside.push_back(#name);
#define FORWARDED(number, name) forwarded.push_back(#name);
#define ABSENT(number, name) absent.push_back(#name);
    ENCLAVISOR_LINUX_CALLS(INSIDE, FORWARDED, ABSENT)
#undef INSIDE
#undef FORWARDED
#undef ABSENT
    std::printf(
        "# Linux calls\n"
        "\n"
        "Made from `abi/enclave/linux_calls.hpp` by `make docs`; do not edit. What the Linux runtime does "
        "about "
        "each system call\nof a program. How far an answered call goes is in `runtime/README.md`.\n");
    print_names("Answered inside the enclave", inside);
    print_names("Forwarded, unless the file is the enclave's own", forwarded);
    print_names("Absent: `ENOSYS`, counted, named under `-v`", absent);
}

}  // namespace
}  // namespace enclavisor

int main(int count, char** arguments) {
    const char* page = count == 2 ? arguments[1] : "";
    if (std::strcmp(page, "forwarded-calls") == 0) {
        enclavisor::forwarded_calls();
    } else if (std::strcmp(page, "linux-calls") == 0) {
        enclavisor::linux_calls();
    } else {
        std::fprintf(stderr, "usage: enclavisor-reference forwarded-calls|linux-calls\n");
        return 2;
    }
    return 0;
}
