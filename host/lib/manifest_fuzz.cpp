// Any text as a manifest.
#include "host/lib/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)enclavisor::host::parse_manifest({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
    return 0;
}
