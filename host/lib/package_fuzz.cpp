#include <cstddef>
#include <cstdint>

#include "host/lib/package.hpp"

// What is accepted is written as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace enclavisor::host;
    const auto package = parse_package({reinterpret_cast<const char*>(data), size}, "fuzz.enclave");
    if (!package) return 0;
    const auto text = json_text(package_json(package.value(), true));
    if (!text) return 0;
    const auto again = parse_package(text.value(), "fuzz.enclave");
    if (!again || json_text(package_json(again.value(), true)).value() != text.value()) __builtin_trap();
    return 0;
}
