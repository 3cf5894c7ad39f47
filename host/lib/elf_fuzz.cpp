// Any bytes as a program file, a library, or ld.so.cache.
#include "host/lib/elf.hpp"
#include "host/lib/elf_dynamic.hpp"
#include "host/lib/image.hpp"
#include "host/lib/library_cache.hpp"

using namespace enclavisor::host;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = std::as_bytes(std::span{data, size});
    (void)find_elf_symbol(file, "enclavisor_syscall_entry");
    (void)parse_dynamic(file);
    (void)find_in_cache(file, "libc.so.6");
    const auto elf = parse_elf(file, "fuzz");
    if (!elf) return 0;
    EnclaveImage image;
    image.create.memory_limit = 4096;
    for (const ElfSegment& segment : elf.value().segments) {
        (void)image.add_segment(segment.address, segment.contents, segment.memory_size, segment.permissions);
    }
    return 0;
}
