// Any bytes as a firmware image: the input is its end, below it are zeros.
#include "host/lib/firmware.hpp"
#include "host/lib/launch_digest.hpp"

using namespace enclavisor::host;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span{data, size});
    (void)parse_firmware(input, "fuzz");
    std::vector<std::byte> image((size + 4095) / 4096 * 4096);
    std::copy(input.begin(), input.end(), image.end() - static_cast<std::ptrdiff_t>(size));
    const auto firmware = parse_firmware(image, "fuzz");
    if (!firmware) return 0;
    std::uint64_t pages = 0;
    for (const FirmwareSection& section : firmware.value().sections) pages += section.size / 4096;
    if (pages > 4096) return 0;  // only slow
    LaunchSpec spec{.vcpus = 2, .kernel_hashes = KernelHashes::of({}, {}, "")};
    for (const LaunchKind kind : {LaunchKind::kSev, LaunchKind::kSevEs, LaunchKind::kSevSnp}) {
        spec.kind = kind;
        (void)launch_digest(firmware.value(), spec);
    }
    spec.kernel_hashes.reset();
    (void)launch_digest(firmware.value(), spec);
    return 0;
}
